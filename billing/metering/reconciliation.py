"""Reconciliation: an independent recount from messages to the journal, with differences by id.

It shares no statement with metering or invoicing: it starts from delivered messages and stored
tiers.
"""

from dataclasses import asdict, dataclass
from datetime import date

import structlog
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Recount
from core.queue import NOBODY, Claimed, OneByOne, Queue
from core.queue.work import work_all
from core.sql import statement
from core.tenancy import system

log = structlog.get_logger(__name__)

# What each statement compares, from messages to the journal.
CHECKS = {
    "reconcile_messages": "delivered messages = charges + waiting + quarantined",
    "reconcile_markets": "each charge's market = that of its recipient's calling code",
    "reconcile_rules": "each charge's rule and category = what message and card say",
    "reconcile_terms": "each charge's version = that of the card in force, in the month's currency",
    "reconcile_prices": "each charge = the price of its position on its card",
    "reconcile_positions": "tallies = positions in the ledger, without holes",
    "reconcile_rollup": "rollup = ledger",
    "reconcile_periods": "a period for every month, each beginning where the last one ends",
    "reconcile_invoices": "invoice lines = rollup, totals = lines",
    "reconcile_lines": "each line = its rows of the ledger, rounded once",
    "reconcile_fees": "fees = days on each plan; every month with something is billed",
    "reconcile_commitments": "what is missing up to a minimum commitment is billed",
    "reconcile_taxes": "tax = the rate of its lines, rounded commercially",
    "reconcile_currencies": "one currency from the month to the refund",
    "reconcile_series": "numbers without gaps, of the year of their date",
    "reconcile_payments": "paid invoices = payments + credits",
    "reconcile_allocations": "nothing allocated, kept or paid back beyond what arrived",
    "reconcile_journal": "journal = every event of money; receivables = what is due",
    "reconcile_references": "what rows name without a foreign key is there",
}
# What an operator does about a difference of a check.
ACTIONS = {
    "reconcile_messages": "Meter what is quarantined again; a message without any row is queued "
    "anew by support.",
    "reconcile_markets": "Reverse the charge, correct the calling codes for coming months.",
    "reconcile_rules": "Reverse the charge with the reason.",
    "reconcile_terms": "Reverse the charges of that version, then correct the card agreed.",
    "reconcile_prices": "Reverse the charge with the reason.",
    "reconcile_positions": "Nothing that operators can change: report it; the ledger is right.",
    "reconcile_rollup": "Nothing that operators can change: report it; the ledger is right.",
    "reconcile_periods": "Close the months in their order; missing ones are made by that.",
    "reconcile_invoices": "Void the invoice and issue it anew, or credit the line.",
    "reconcile_lines": "Credit the line, or void the invoice and issue it anew.",
    "reconcile_fees": "Issue the void invoice anew; without one close the month again.",
    "reconcile_commitments": "Credit the line that is too much; what is missing is agreed with the "
    "customer for the next month.",
    "reconcile_taxes": "Void the invoice and issue it anew with the tax of now, or credit it.",
    "reconcile_currencies": "Credit the document in full and bill it anew.",
    "reconcile_series": "Report it to the tax adviser: a number is never given twice.",
    "reconcile_payments": "Look the payment up and settle it by hand.",
    "reconcile_allocations": "Send back what is too much, or record the receipt that is missing.",
    "reconcile_journal": "Book the difference by hand, with this recount as its proof.",
    "reconcile_references": "Report it with the first id.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference: the check, the business (0: none), the row or key, and both values."""

    check: str
    business_id: int
    what: str
    expected: str
    found: str

    @property
    def key(self) -> tuple[str, int, str]:
        """What makes it the same difference in another recount."""
        return self.check, self.business_id, self.what

    def __str__(self) -> str:
        values = f"expected {self.expected}, found {self.found}"
        return f"business {self.business_id}, {self.what}: {values}"


def reconcile(month: date | None = None) -> list[Difference]:
    """All differences of one month (its first day) or of all months; one statement and snapshot per
    check.
    """
    with system("finance reconciles every business"), connection.cursor() as cursor:
        differences = []
        for check in CHECKS:
            cursor.execute(statement("billing", check), {"month": month})
            differences += [Difference(check, *row) for row in cursor.fetchall()]
    log.log(
        40 if differences else 20,
        "reconciled",
        month=str(month or "all"),
        differences=len(differences),
    )
    return differences


def difference_lines() -> list[str]:
    """Every difference of all months, one line each."""
    return [str(difference) for difference in reconcile()]


def request_recount(*, month: date | None = None, by: str = "parley") -> Recount:
    """Request a recount of one month or of all months; `run_due` runs it."""
    with system("recounts belong to no business"):
        return Recount.objects.create(month=month, asked_by=by)


def run_due() -> int:
    """Run waiting recounts, each in a transaction of its own; returns how many were claimed."""
    return work_all(QUEUE)


def _run(row: Claimed) -> None:
    recount = Recount.objects.get(pk=row.key)
    recount.finished_at = timezone.now()
    since = _known_since(recount)
    recount.differences = [
        asdict(one) | {"since": since.get(one.key, recount.finished_at.isoformat())}
        for one in reconcile(recount.month)
    ]
    recount.save(update_fields=["differences", "finished_at"])


QUEUE = Queue(
    name="recounts",
    about="Recounts of the books that were asked for.",
    model=Recount,
    work=OneByOne(_run),
    is_open=Q(finished_at=None),
    owner=NOBODY,
    scoped=False,
    # Each takes minutes, and none waits for another one's worker.
    batch=1,
    lease_seconds=3600,
    done={},
    dead_title=_("Recounts not finished"),
)


def _known_since(recount: Recount) -> dict[tuple[str, int, str], str]:
    """Since when the differences of the recount before this one, of the same months, were there."""
    before = (
        Recount.objects.filter(month=recount.month, id__lt=recount.pk)
        .exclude(finished_at=None)
        .order_by("-id")
        .first()
    )
    return {
        (one["check"], one["business_id"], one["what"]): one["since"]
        for one in (before.differences if before else [])
    }
