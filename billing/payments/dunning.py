"""Dunning: what is owed is asked for on a schedule, each step once; sending stops at its end and
goes on once paid.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog
from django.conf import settings

from billing import emails
from billing.models import BillingDetails, DunningStep, Invoice, InvoiceStatus
from billing.payments import settlement, stripe_collection, stripe_gateway
from core.tenancy import system

log = structlog.get_logger(__name__)

Action = Literal["charge", "remind", "suspend"]


@dataclass(frozen=True, slots=True)
class Step:
    """What is done how many days after the invoice was due; a negative number is before."""

    name: str
    days: int
    action: Action


def schedule() -> list[Step]:
    """The steps in order, from `BILLING_DUNNING`."""
    rows: Any = settings.BILLING_DUNNING
    return [Step(*row) for row in rows]


def run_due() -> int:
    """Take every step whose day has come for every unpaid invoice; returns how many were taken."""
    with system("every business may owe"):
        unpaid = list(
            Invoice.objects.filter(status=InvoiceStatus.OPEN)
            .select_related("business")
            .order_by("due_at", "id")
        )
        taken = set(
            DunningStep.objects.filter(invoice__in=unpaid).values_list("invoice_id", "step")
        )
    # Listed before the first is taken: taking one reads its invoice anew.
    due = [
        (invoice, step)
        for invoice in unpaid
        for step in schedule()
        if (invoice.pk, step.name) not in taken
        and invoice.due_at + timedelta(days=step.days) <= invoice.business.now()
    ]
    return sum(_take(invoice, step) for invoice, step in due)


def _take(invoice: Invoice, step: Step) -> bool:
    """Take one step in one transaction with its mark; False when it was taken, or must wait for a
    payment's result.
    """
    try:
        with system("every business may owe"):
            Invoice.objects.select_for_update().get(pk=invoice.pk)
            invoice.refresh_from_db()
            if invoice.status != InvoiceStatus.OPEN or invoice.payments.live().exists():
                return False
            if DunningStep.objects.filter(invoice=invoice, step=step.name).exists():
                return False
            DunningStep.objects.create(
                business_id=invoice.business_id,
                invoice=invoice,
                step=step.name,
                taken_at=invoice.business.now(),
            )
            _act(invoice, step)
            return True
    except Exception:
        # One invoice's trouble does not hold up what others owe.
        log.exception("dunning_step_failed", invoice=invoice.number, step=step.name)
        return False


def _act(invoice: Invoice, step: Step) -> None:
    if step.action == "charge":
        details = BillingDetails.of(invoice.business)
        if stripe_gateway.is_on() and details.auto_collect and details.method_id:
            stripe_collection.start(invoice=invoice, is_automatic=True)
    elif step.action == "remind":
        emails.write(invoice, "past_due", step=step.name, stops_at=stops_at(invoice))
    else:
        invoice.business.suspend(settlement.UNPAID)
        emails.write(invoice, "suspended", step=step.name)


def stops_at(invoice: Invoice) -> datetime:
    """The moment at which sending stops while the invoice stays unpaid."""
    days = max((step.days for step in schedule() if step.action == "suspend"), default=0)
    return invoice.due_at + timedelta(days=days)
