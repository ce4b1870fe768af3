"""`GET /api/v1/invoices…`: a business's invoices, their lines and documents, by an API key with scope `billing`."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from accounts.errors import NotYours
from accounts.models import Business, KeyScope
from billing import archive, money
from billing.documents.tables import messages_csv
from billing.models import Invoice, InvoiceLine, InvoiceStatus
from hosting.api.answers import answer
from hosting.api.keys import cloud_api, opened
from hosting.errors import CloudApiError

MOST = 100


@cloud_api("GET")
def invoices(request: HttpRequest) -> HttpResponse:
    """Newest first; filters `status`, `from` and `to` (YYYY-MM), pages by `limit` and `after` (a number)."""
    with opened(request) as caller:
        caller.require(KeyScope.BILLING)
        limit = _limit(request)
        found = list(_filtered(request, caller.business)[: limit + 1])
        page = [_summary(invoice) for invoice in found[:limit]]
        paging = {"after": page[-1]["number"]} if len(found) > limit else {}
        return answer({"data": page, "paging": paging})


@cloud_api("GET")
def invoice(request: HttpRequest, number: str) -> HttpResponse:
    """One invoice with its lines."""
    with opened(request) as caller:
        caller.require(KeyScope.BILLING)
        found = _one(caller.business, number)
        return answer(_summary(found) | _details(found))


@cloud_api("GET")
def document(request: HttpRequest, number: str, kind: str) -> HttpResponse:
    """One document of an invoice: pdf, lines, cii, ubl, facturx."""
    with opened(request) as caller:
        caller.require(KeyScope.BILLING)
        kept = archive.document(_one(caller.business, number), kind)
        response = HttpResponse(archive.read(kept), content_type=kept.content_type)
    response["Content-Disposition"] = f'attachment; filename="{kept.name}"'
    response["ETag"] = f'"{kept.sha256}"'
    return response


@cloud_api("GET")
def messages(request: HttpRequest, number: str) -> StreamingHttpResponse:
    """Every message behind an invoice, or with `line` behind one of its lines, as CSV."""
    with opened(request) as caller:
        caller.require(KeyScope.BILLING)
        found = _one(caller.business, number)
    response = StreamingHttpResponse(
        messages_csv(found, line=_whole(request, "line", 10**9)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{found}-messages.csv"'
    return response


def _one(business: Business, number: str) -> Invoice:
    found = Invoice.objects.for_list().filter(business_id=business.pk, number=number).first()
    if found is None:
        raise NotYours(f"There is no invoice {number}.")
    found.business = Business.objects.get(pk=business.pk)
    return found


def _filtered(request: HttpRequest, business: Business) -> Any:
    found = Invoice.objects.for_list().filter(business_id=business.pk, number__isnull=False).order_by("-id")
    if status := request.GET.get("status"):
        if status not in InvoiceStatus.values:
            raise CloudApiError(100, f"status must be one of {', '.join(InvoiceStatus.values)}.")
        found = found.filter(status=status)
    if first := _month(request, "from"):
        found = found.filter(period__month__gte=first)
    if last := _month(request, "to"):
        found = found.filter(period__month__lte=last)
    if after := request.GET.get("after"):
        found = found.filter(pk__lt=_one(business, after).pk)
    return found


def _month(request: HttpRequest, name: str) -> date | None:
    text = request.GET.get(name, "")
    try:
        return date.fromisoformat(f"{text}-01") if text else None
    except ValueError:
        raise CloudApiError(100, f"{name} must be a month as YYYY-MM.") from None


def _limit(request: HttpRequest) -> int:
    return _whole(request, "limit", MOST) or 25


def _whole(request: HttpRequest, name: str, most: int) -> int | None:
    text = request.GET.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= most):
        raise CloudApiError(100, f"{name} must be a whole number from 1 to {most}.")
    return int(text)


def _summary(found: Invoice) -> dict[str, Any]:
    def amount(minor: int) -> str:
        return f"{money.minor_amount(minor, found.currency):f}"

    return {
        "number": found.number,
        "status": found.status,
        "month": f"{found.period.month:%Y-%m}",
        "currency": found.currency,
        "issued_at": found.issued_at.isoformat(),
        "due_at": found.due_at.isoformat(),
        "paid_at": found.paid_at.isoformat() if found.paid_at else None,
        "subtotal": amount(found.subtotal_minor),
        "tax": amount(found.tax_minor),
        "total": amount(found.total_minor),
        "due": amount(found.due_minor),  # type: ignore[attr-defined]
    }


def _details(found: Invoice) -> dict[str, Any]:
    return {
        "seller": found.seller,
        "buyer": found.buyer,
        "taxes": found.taxes,
        "lines": [_line(line, found.currency) for line in found.lines.all()],
        "documents": list(archive.KINDS),
    }


def _line(line: InvoiceLine, currency: str) -> dict[str, Any]:
    return {
        "line": line.position,
        "kind": line.kind,
        "description": line.description,
        "month": f"{line.month:%Y-%m}",
        "market": line.market,
        "category": line.category,
        "rule": line.rule,
        "tier_first": line.tier_first,
        "tier_last": line.tier_last,
        "quantity": line.quantity,
        "unit_price": f"{money.micro_amount(line.unit_price_micros):f}",
        "amount": f"{money.minor_amount(line.amount_minor, currency):f}",
    }
