"""Dunning: reminders, charges and suspension on a schedule, each step once."""

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
    """An action a number of days after the due date; a negative number is before it."""

    name: str
    days: int
    action: Action


def schedule() -> list[Step]:
    """The steps in order, from `BILLING_DUNNING`."""
    rows: Any = settings.BILLING_DUNNING
    return [Step(*row) for row in rows]


def run_due() -> int:
    """Run every step that is due for every unpaid invoice; returns how many were run."""
    with system("every business may owe"):
        unpaid = list(
            Invoice.objects.filter(status=InvoiceStatus.OPEN)
            .select_related("business")
            .order_by("due_at", "id")
        )
        taken = set(
            DunningStep.objects.filter(invoice__in=unpaid).values_list("invoice_id", "step")
        )
    # Listed before the first step is run, because running one reloads its invoice.
    due = [
        (invoice, step)
        for invoice in unpaid
        for step in schedule()
        if (invoice.pk, step.name) not in taken
        and invoice.due_at + timedelta(days=step.days) <= invoice.business.now()
    ]
    return sum(_run_step(invoice, step) for invoice, step in due)


def _run_step(invoice: Invoice, step: Step) -> bool:
    """Run a step and record it in one transaction.

    Returns False when it was run before, must wait for a payment's result, or failed.
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
            _execute(invoice, step)
            return True
    except Exception:
        # A failure with one invoice must not stop the others.
        log.exception("dunning_step_failed", invoice=invoice.number, step=step.name)
        return False


def _execute(invoice: Invoice, step: Step) -> None:
    if step.action == "charge":
        details = BillingDetails.of(invoice.business)
        if stripe_gateway.is_configured() and details.auto_collect and details.method_id:
            stripe_collection.start_charge(invoice=invoice, is_automatic=True)
    elif step.action == "remind":
        emails.queue_invoice_email(
            invoice, "past_due", step=step.name, stops_at=suspends_at(invoice)
        )
    else:
        invoice.business.suspend(settlement.UNPAID_REASON)
        emails.queue_invoice_email(invoice, "suspended", step=step.name)


def suspends_at(invoice: Invoice) -> datetime:
    """The moment at which sending stops while the invoice stays unpaid."""
    days = max((step.days for step in schedule() if step.action == "suspend"), default=0)
    return invoice.due_at + timedelta(days=days)
