"""The journal as CSV: the seller's for operators, a purchase journal for a customer.

Both are read from the same postings, by the day on which they were posted. Account numbers and
names are data; a customer's has the opposite sides, and nothing of what is the seller's alone.
"""

from collections.abc import Iterator
from datetime import date

from django.db.models import QuerySet

from billing.models import AccountRole, Chart, LedgerAccount, Posting
from core import money

COLUMNS = (
    "date",
    "document",
    "account",
    "account_name",
    "debit",
    "credit",
    "currency",
    "tax_code",
    "tax_percent",
    "customer",
    "text",
    "reference",
    "event",
)
# What a customer books nothing of: what the seller's bank kept, and what the seller gave up.
SELLERS_OWN = ("fee:", "write_off:", "recovery:", "credit_recovery:", "void_recovery:")
CHUNK = 2_000
Row = tuple[object, ...]


def postings(first: date | None, last: date | None) -> QuerySet[Posting]:
    """Postings from one day to another, both included, in the order of their days."""
    found = Posting.objects.order_by("posted_on", "id")
    if first is not None:
        found = found.filter(posted_on__gte=first)
    return found.filter(posted_on__lte=last) if last is not None else found


def for_chart(found: QuerySet[Posting], chart: Chart) -> QuerySet[Posting]:
    """Those of them that belong into the books of a side."""
    if chart == Chart.CUSTOMER:
        for prefix in SELLERS_OWN:
            found = found.exclude(event__startswith=prefix)
    return found


def accounts(chart: Chart) -> dict[str, LedgerAccount]:
    """The accounts of a side by role."""
    return {one.role: one for one in LedgerAccount.objects.filter(chart=chart)}


def rows(found: Iterator[Posting], chart: Chart, named: dict[str, LedgerAccount]) -> Iterator[Row]:
    """Rows of the CSV; a role without an account keeps its own name."""
    for posting in found:
        minor = posting.amount_minor if chart == Chart.SELLER else -posting.amount_minor
        amount = money.minor_amount(abs(minor), posting.currency)
        account = named.get(posting.role)
        yield (
            posting.posted_on.isoformat(),
            posting.document,
            account.number if account else posting.role,
            account.name if account else str(AccountRole(posting.role).label),
            amount if minor > 0 else "",
            amount if minor < 0 else "",
            posting.currency,
            posting.tax_category,
            posting.tax_percent,
            posting.customer,
            posting.text,
            posting.reference,
            posting.event,
        )
