"""Reconciling: an independent recount of messages, ledger, tallies, rollup, invoices and payments;
differences by id.

It shares no statement with metering or invoicing: it starts from the delivered messages and the
stored tiers, and says what should be there. An empty list is what finance wants to see.
"""

from dataclasses import asdict, dataclass
from datetime import date

import structlog
from django.db import connection
from django.utils import timezone

from billing.models import Recount
from core.sql import statement
from core.tenancy import system

log = structlog.get_logger(__name__)

# What each statement compares, in the order that money flows.
CHECKS = {
    "reconcile_messages": "delivered messages = charges + waiting + quarantined",
    "reconcile_prices": "each charge = the price of its position on its card",
    "reconcile_positions": "tallies = positions in the ledger, without holes",
    "reconcile_rollup": "rollup = ledger",
    "reconcile_invoices": "invoice lines = rollup, totals = lines",
    "reconcile_payments": "paid invoices = payments + credits",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not agree: which check, whose, what (named by id or key), and both
    sides.
    """

    check: str
    business_id: int
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"business {self.business_id}, {self.what}: expected {self.expected}, found {self.found}"


def reconcile(month: date | None = None) -> list[Difference]:
    """Every difference there is, of one month (its first day) or of all; one statement a check, one
    snapshot each.
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


def in_words() -> list[str]:
    """Every difference of all months, a line each."""
    return [str(difference) for difference in reconcile()]


def ask(*, month: date | None = None, by: str = "parley") -> Recount:
    """Write down that the books are to be recounted, of one month or of all; `run_due` does it."""
    with system("recounts belong to no business"):
        return Recount.objects.create(month=month, asked_by=by)


def run_due() -> int:
    """Do the recounts that wait, one a transaction; returns how many."""
    done = 0
    while _run_one():
        done += 1
    return done


def _run_one() -> bool:
    with system("finance reconciles every business"):
        recount = (
            Recount.objects.select_for_update(skip_locked=True)
            .filter(finished_at=None)
            .order_by("id")
            .first()
        )
        if recount is None:
            return False
        recount.differences = [asdict(one) for one in reconcile(recount.month)]
        recount.finished_at = timezone.now()
        recount.save(update_fields=["differences", "finished_at"])
        return True
