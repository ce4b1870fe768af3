"""Invoicing: a month is closed once, and what its rollup says becomes an immutable, numbered invoice."""

from datetime import date, timedelta

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import F, Sum

from accounts.models import Business
from accounts.statements import statement
from accounts.tenancy import system
from billing import metering, money
from billing.models import Invoice, InvoiceLine, LineKind, NumberSeries, Period, Seller
from hosting.models import Delivery

log = structlog.get_logger(__name__)

MAX_BATCHES = 10_000


def close_period(*, business: Business, month: date) -> Invoice | None:
    """Close a business's month and issue its invoice; None when it was closed before, or nothing is owed.

    `month` is its first day. Safe to run twice, at once, and after a crash: the period's row is locked, and one live
    invoice a period is a constraint. Deliveries of the month that still wait are metered first; what comes later is
    billed in the next month.
    """
    period = _ensure_period(business, month)
    _drain(period)
    with system("closing numbers invoices across businesses"):
        locked = Period.objects.select_for_update().get(pk=period.pk)
        if locked.state == Period.State.CLOSED:
            return None
        business.refresh_from_db()
        locked.state, locked.closed_at = Period.State.CLOSED, business.now()
        locked.save(update_fields=["state", "closed_at"])
        _ensure(business, next_month(month))
        return _issue(business, locked)


def close_due_periods() -> list[Invoice]:
    """Close every open month that ended more than the grace period ago by its business's clock."""
    with system("every business's months end"):
        due = [
            period
            for period in Period.objects.filter(state=Period.State.OPEN).select_related("business").order_by("month")
            if period.ends_at + timedelta(hours=settings.BILLING_GRACE_HOURS) <= period.business.now()
        ]
    issued = (close_period(business=period.business, month=period.month) for period in due)
    return [invoice for invoice in issued if invoice]


def next_month(month: date) -> date:
    """First day of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def _ensure_period(business: Business, month: date) -> Period:
    with system("a month may have had no deliveries"):
        _ensure(business, month)
        return Period.objects.get(business=business, month=month)


def _ensure(business: Business, month: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement("billing", "ensure_period"), {"business_id": business.pk, "month": month})


def _drain(period: Period) -> None:
    """Meter what was delivered in the period and still waits; a queue that does not shrink is not waited for."""
    for _ in range(MAX_BATCHES):
        with system("the queue belongs to every business"):
            waiting = Delivery.objects.filter(
                business_id=period.business_id, delivered_at__lt=period.ends_at
            ).exists()
        if not waiting or not metering.meter_due():
            return


def _issue(business: Business, period: Period) -> Invoice | None:
    fee = business.plan.monthly_fee_micros
    if not fee and not _has_usage(period):
        return None
    invoice = _invoice(business, period)
    if fee:
        InvoiceLine.objects.create(
            invoice=invoice,
            business=business,
            position=1,
            kind=LineKind.FEE,
            description=f"Hosting, plan {business.plan.name}",
            month=period.month,
            quantity=1,
            unit_price_micros=fee,
            amount_micros=fee,
            amount_minor=money.to_minor(fee, invoice.currency),
        )
    _copy_usage(invoice, period, after=1 if fee else 0)
    log.info("invoice_issued", invoice=invoice.number, business_id=business.pk, total_minor=invoice.total_minor)
    return invoice


def _has_usage(period: Period) -> bool:
    from billing.models import Usage

    return Usage.objects.filter(business_id=period.business_id, billed_month=period.month).exists()


def _invoice(business: Business, period: Period) -> Invoice:
    seller = Seller.objects.get(is_current=True)
    now = business.now()
    total = _total_minor(business, period)
    return Invoice.objects.create(
        business=business,
        period=period,
        number=_next_number(seller.number_prefix, now.year),
        currency=business.currency,
        seller=seller.as_copy(),
        buyer={"name": business.name, "country": business.country},
        issued_at=now,
        due_at=now + timedelta(days=seller.terms_days),
        subtotal_minor=total,
        total_minor=total,
    )


def _total_minor(business: Business, period: Period) -> int:
    """The total is the sum of the rounded lines, computed by the same function that writes them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(billing_round_half_even(amount_micros, %s)), 0)
                 FROM billing_usage WHERE business_id = %s AND billed_month = %s AND messages <> 0""",
            [_micros_a_minor(business.currency), business.pk, period.month],
        )
        usage = int(cursor.fetchone()[0])
    return usage + money.to_minor(business.plan.monthly_fee_micros, business.currency)


def _micros_a_minor(currency: str) -> int:
    return 10 ** (6 - money.exponent(currency))


def _next_number(prefix: str, year: int) -> str:
    """The next number of the series; its row stays locked until the invoice commits, so there are no gaps."""
    NumberSeries.objects.bulk_create([NumberSeries(prefix=prefix, year=year)], ignore_conflicts=True)
    series = NumberSeries.objects.select_for_update().get(prefix=prefix, year=year)
    NumberSeries.objects.filter(pk=series.pk).update(last=F("last") + 1)
    return f"{prefix}-{year}-{series.last + 1:06}"


def _copy_usage(invoice: Invoice, period: Period, *, after: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "copy_lines"),
            {
                "invoice_id": invoice.pk,
                "business_id": period.business_id,
                "month": period.month,
                "after": after,
                "micros_a_minor": _micros_a_minor(invoice.currency),
            },
        )
    lines = invoice.lines.aggregate(total=Sum("amount_minor"))["total"] or 0
    if lines != invoice.total_minor:
        raise RuntimeError(f"{invoice.number}: lines add up to {lines}, the total says {invoice.total_minor}")
