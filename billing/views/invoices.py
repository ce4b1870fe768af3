"""Pages of usage, of one charge's explanation, and of invoices."""

from datetime import date, datetime
from itertools import chain
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from accounts.models import FINANCE
from billing import pay_links
from billing.documents import archive, groups, sources, tables
from billing.metering.charts import usage_charts
from billing.metering.usage import (
    compare_months,
    has_only_test_numbers,
    months_of,
    usage_of,
)
from billing.models import (
    BillingDetails,
    CallingCode,
    CreditNote,
    Invoice,
    InvoiceStatus,
    Quarantine,
    Tier,
    Usage,
)
from billing.models.invoices import InvoiceQuerySet
from billing.models.payments import LIVE
from billing.payments import settlement, stripe_gateway
from billing.pricing.explanation import Explanation, explain
from billing.rate_cards.terms import terms_of
from billing.views import table_files
from hosting.models import Category, HostedCount, Message

INVOICES_PER_PAGE = 24
PAST_DUE = "past_due"
STATUSES = [choice for choice in InvoiceStatus.choices if choice[0] != InvoiceStatus.DRAFT]


@require_GET
@member_page(*FINANCE)
def usage(request: BusinessRequest) -> HttpResponse:
    """Usage of a month so far."""
    months = _months(request)
    is_test = "test" in request.GET or has_only_test_numbers(request.business)
    month = _month(request.GET.get("month", "")) or months[0]
    found = usage_of(request.business, month, is_test=is_test)
    if request.GET.get("csv"):
        return table_files.usage(found)
    terms = terms_of(request.business, found.month)
    context = {
        "charges_failed": terms is not None and terms.version.failed_charged,
        "usage": found,
        "is_test": is_test,
        "months": months,
        "charts": usage_charts(found),
        "waiting": found.waiting
        + Quarantine.objects.filter(business_id=request.business.pk).count(),
        "hosted": _hosted(request, found.month),
        "before": _before(request, months, found.month),
        "compared": compare_months(request.business, found, _earlier(months, found.month)),
        "updated_at": request.business.now(),
    }
    return render(request, "billing/metering/usage.html", context)


def _months(request: BusinessRequest) -> list[date]:
    today = (
        request.business.now().astimezone(ZoneInfo(request.business.timezone)).date().replace(day=1)
    )
    return [today, *(month for month in months_of(request.business) if month < today)][:36]


def _hosted(request: BusinessRequest, month: date) -> int:
    counts = HostedCount.objects.filter(business=request.business, month=month)
    return counts.values_list("messages", flat=True).first() or 0


def _earlier(months: list[date], month: date) -> date | None:
    return next((one for one in months if one < month), None)


def _before(request: BusinessRequest, months: list[date], month: date) -> int | None:
    """Amount of the month before, or None."""
    earlier = _earlier(months, month)
    if earlier is None:
        return None
    rows = Usage.objects.filter(business_id=request.business.pk, billed_month=earlier)
    total: int = rows.aggregate(n=Sum("amount_micros"))["n"] or 0
    return total


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01") if len(text) == 7 else None
    except ValueError:
        return None


@require_GET
@member_page()
def charge(request: BusinessRequest, message_id: int) -> HttpResponse:
    """Explanation of one message's price."""
    why = explain(request.business.pk, min(message_id, 2**62))
    message = (
        Message.objects.filter(business=request.business, pk=message_id)
        .select_related("contact", "number", "conversation")
        .first()
    )
    tiers, tier = _tiers(why)
    context = {
        "why": why,
        "message": message,
        "tiers": tiers,
        "tier_number": tier,
        "code": _calling_code(why),
        "category": dict(Category.choices).get(why.category, why.category),
        "category_code": why.category,
    }
    return render(request, "billing/pricing/charge.html", context)


def _tiers(why: Explanation) -> tuple[list[Tier], int]:
    """All tiers the message could have fallen in, and the number of its own.

    Empty where a rule made it free.
    """
    if why.tier_first is None:
        return [], 0
    tiers = list(
        Tier.objects.filter(
            rate__version_id=why.version_id, rate__market=why.market, rate__category=why.category
        ).order_by("first")
    )
    return tiers, next((n for n, tier in enumerate(tiers, 1) if tier.first == why.tier_first), 0)


def _calling_code(why: Explanation) -> CallingCode | None:
    """The calling code that put the recipient into the market; None where none matches."""
    code = "SELECT k.* FROM billing_callingcode k JOIN billing_market(%s, %s) m ON m.code_id = k.id"
    return next(iter(CallingCode.objects.raw(code, [why.to or "", why.month])), None)


@require_GET
@member_page(*FINANCE)
def invoices(request: BusinessRequest) -> HttpResponse:
    """Issued invoices, newest first, filtered by status, year and number."""
    issued = Invoice.objects.filter(business=request.business).exclude(number=None)
    years = [month.year for month in issued.order_by().dates("period__month", "year", order="DESC")]
    status, year, words = (
        request.GET.get("status", ""),
        request.GET.get("year", ""),
        request.GET.get("q", "").strip()[:40],
    )
    found = _of_status(issued, status, request.business.now()).for_list()
    if year.isdecimal() and int(year) in years:
        found = found.filter(period__month__year=int(year))
    if words:
        found = found.filter(number__icontains=words)
    if request.GET.get("csv"):
        return table_files.invoices(found, request.business.timezone)
    page = Paginator(found, INVOICES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "status": status,
        "year": year,
        "words": words,
        "years": years,
        "statuses": [("", _("All")), (PAST_DUE, _("Past due")), *STATUSES],
        "now": request.business.now(),
        "is_filtered": bool(status or year or words),
        "held": settlement.held_money(request.business),
    }
    return render(request, "billing/invoices/invoices.html", context)


def _of_status(issued: InvoiceQuerySet, status: str, now: datetime) -> InvoiceQuerySet:
    if status == PAST_DUE:
        return issued.past_due(now)
    return issued.filter(status=status) if status in InvoiceStatus.values else issued


@require_GET
@member_page(*FINANCE)
def invoice(request: BusinessRequest, number: str) -> HttpResponse:
    """One invoice with its lines, payments and amount due."""
    found = invoice_or_404(request, number)
    lines = sources.in_words(found.lines.all())
    payments = list(found.payments.order_by("attempt"))
    context = {
        "invoice": found,
        "groups": groups.grouped(lines),
        "rounding_micros": found.rounding_micros(lines),
        "payments": payments,
        "live": next((payment for payment in payments if payment.status in LIVE), None),
        "credits": list(found.credit_notes.order_by("id")),
        "due": found.due_now() if found.status in settlement.PAYABLE else 0,
        "details": BillingDetails.of(request.business),
        "has_stripe": stripe_gateway.is_configured(),
        "pay_path": pay_links.pay_path(found),
        "einvoices": archive.einvoice_kinds(found),
        "now": request.business.now(),
    }
    return render(request, "billing/invoices/invoice.html", context)


@require_GET
@member_page(*FINANCE)
def invoice_line(request: BusinessRequest, number: str, position: int) -> HttpResponse:
    """The messages behind one line, by page."""
    found = invoice_or_404(request, number)
    line = get_object_or_404(found.lines, position=position)
    rows, following = tables.messages_page(found, line=position, after=request.GET.get("after", ""))
    sources.in_words([line])
    context = {"invoice": found, "line": line, "rows": rows, "following": following}
    return render(request, "billing/invoices/invoice_line.html", context)


@require_GET
@member_page(*FINANCE)
def download(request: BusinessRequest, number: str, kind: str) -> HttpResponseBase:
    """A stored document of the invoice, or all its messages as streamed CSV."""
    found = invoice_or_404(request, number)
    if kind == "messages":
        line = request.GET.get("line", "")
        rows = tables.messages_csv(
            found, line=int(line) if line.isdecimal() and len(line) < 9 else None
        )
        name = f"{slugify(str(found))}-messages.csv"
        return StreamingHttpResponse(
            chain(["\ufeff"], rows),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    if kind not in archive.KINDS:
        raise Http404
    return _stored(found, kind)


@require_GET
@member_page(*FINANCE)
def credit_note(request: BusinessRequest, number: str, kind: str) -> HttpResponse:
    """A stored document of a credit note."""
    if kind not in archive.KINDS:
        raise Http404
    return _stored(get_object_or_404(CreditNote, business=request.business, number=number), kind)


def _stored(source: Invoice | CreditNote, kind: str) -> HttpResponse:
    kept = archive.get_document(source, kind)
    headers = {
        "Content-Disposition": f'attachment; filename="{kept.name}"',
        "ETag": f'"{kept.sha256}"',
    }
    return HttpResponse(
        archive.read_document(kept), content_type=kept.content_type, headers=headers
    )


def invoice_or_404(request: BusinessRequest, number: str) -> Invoice:
    """The issued invoice of this business, or 404."""
    return get_object_or_404(
        Invoice.objects.select_related("period"), business=request.business, number=number
    )
