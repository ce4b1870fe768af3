"""Reconciliation: an independent recount of messages, ledger, rollup, invoices and payments, with
differences by id.

It shares no statement with metering or invoicing: it starts from delivered messages and stored
tiers.
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

RECOUNT_LOCK = 7_290_003
# What each statement compares, from messages to payments.
CHECKS = {
    "reconcile_messages": "delivered messages = charges + waiting + quarantined",
    "reconcile_prices": "each charge = the price of its position on its card",
    "reconcile_positions": "tallies = positions in the ledger, without holes",
    "reconcile_rollup": "rollup = ledger",
    "reconcile_invoices": "invoice lines = rollup, totals = lines",
    "reconcile_payments": "paid invoices = payments + credits",
    "reconcile_references": "what rows name without a foreign key is there",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference: the check, the business, the row or key, and both values."""

    check: str
    business_id: int
    what: str
    expected: str
    found: str

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
    """Run waiting recounts, one per transaction; returns how many."""
    done = 0
    while _run_one():
        done += 1
    return done


def _run_one() -> bool:
    with system("finance reconciles every business"), connection.cursor() as cursor:
        # A recount takes minutes: while one runs, nobody waits for it.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [RECOUNT_LOCK])
        if not cursor.fetchone()[0]:
            return False
        recount = Recount.objects.filter(finished_at=None).order_by("id").first()
        if recount is None:
            return False
        recount.differences = [asdict(one) for one in reconcile(recount.month)]
        recount.finished_at = timezone.now()
        recount.save(update_fields=["differences", "finished_at"])
        return True
