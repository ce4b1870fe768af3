"""Orders for sellers: board of open orders, list of all, one order with its conversation."""

import re
import secrets
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS
from core import money
from core.errors import BadInput, ParleyError
from core.wake import notify
from hosting.conversations import thread
from hosting.models import Direction, Message
from shops import fulfilment, tasks, texts
from shops.documents.receipt import receipt_filename, receipt_pdf
from shops.models import Order, OrderNote, OrderState, PaymentWay
from shops.orders import place
from shops.payments import attempts, refunds

SELLERS = AGENTS
BOARD_STATES = (OrderState.PLACED, OrderState.CONFIRMED, OrderState.PACKED, OrderState.SHIPPED)
CARDS_PER_COLUMN, PAGE_SIZE = 50, 50


@require_GET
@member_page(*SELLERS)
def orders(request: BusinessRequest) -> HttpResponse:
    """Board of open orders, or with `view=list` all orders filtered by state and words."""
    found = Order.objects.filter(business=request.business).select_related(
        "catalog", "conversation__contact"
    )
    counts = dict(found.order_by().values_list("state").annotate(n=Count("id")))
    context: dict[str, Any] = {
        "now": request.business.now(),
        "has_orders": bool(counts),
        "words": _search_text(request),
    }
    if request.GET.get("view") == "list":
        return render(request, "shops/orders/orders.html", context | _list_context(request, found))
    columns = [
        {
            "state": state,
            "count": counts.get(state, 0),
            "orders": found.filter(state=state).newest_first()[:CARDS_PER_COLUMN],
        }
        for state in BOARD_STATES
    ]
    return render(request, "shops/orders/orders.html", context | {"columns": columns})


def _search_text(request: BusinessRequest) -> str:
    return request.GET.get("q", "").strip()[:100]


def _list_context(request: BusinessRequest, found: QuerySet[Order]) -> dict[str, Any]:
    state, before = request.GET.get("state", ""), request.GET.get("before", "")
    if state in OrderState.values:
        found = found.filter(state=state)
    for word in _search_text(request).split()[:5]:
        number = word.lstrip("#")
        by_number = Q(number=int(number)) if number.isdecimal() and len(number) < 10 else Q()
        person = Q(conversation__contact__name__icontains=word) | Q(address__name__icontains=word)
        found = found.filter(person | by_number)
    if before.isdecimal() and len(before) < 19:
        found = found.filter(id__lt=int(before))
    rows = list(found.order_by("-id")[: PAGE_SIZE + 1])
    older = rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else 0
    return {
        "listed": True,
        "rows": rows[:PAGE_SIZE],
        "older": older,
        "state": state,
        "states": OrderState.choices,
    }


@require_GET
@member_page(*SELLERS)
def order(request: BusinessRequest, order_id: int) -> HttpResponse:
    """One order: goods, payments, next steps, and the conversation with the buyer."""
    found = _get_order(request, order_id)
    conversation = found.conversation
    page = None
    if conversation is not None:
        page = thread.latest_page(
            Message.objects.filter(conversation=conversation), own=Direction.OUT
        )
    context = {
        "order": found,
        "address_lines": texts.address_lines(found.address),
        "lines": found.lines.all(),
        "payments": found.payments.all(),
        "notes": found.notes.select_related("author"),
        "refunds": [refund for payment in found.payments.all() for refund in payment.refunds.all()],
        "steps": _allowed_steps(found),
        "goods_are_here": found.state in refunds.UNSENT_STATES,
        "goods_are_back": found.state in place.RELEASED_STATES,
        "awaits_money": found.way in (PaymentWay.CASH, PaymentWay.TRANSFER)
        and not found.is_paid
        and found.state
        in (OrderState.CONFIRMED, OrderState.PACKED, OrderState.SHIPPED, OrderState.DELIVERED),
        "conversation": conversation,
        "page": page,
        "now": request.business.now(),
    }
    return render(request, "shops/orders/order.html", context)


def _get_order(request: BusinessRequest, order_id: int) -> Order:
    found = Order.objects.select_related(
        "business", "catalog__number", "conversation__contact", "conversation__number"
    )
    return get_object_or_404(
        found.prefetch_related("payments__refunds"), business=request.business, pk=order_id
    )


def _allowed_steps(found: Order) -> set[str]:
    """States that a seller's button can lead to now."""
    may = set(place.NEXT_STATES[OrderState(found.state)]) - {
        OrderState.CONFIRMED,
        OrderState.EXPIRED,
    }
    leaves = found.is_paid or found.way == PaymentWay.CASH
    return {str(state) for state in may if leaves or state not in place.NEEDS_PAYMENT}


@require_POST
@member_page(*SELLERS)
def act(request: BusinessRequest, order_id: int, action: str) -> HttpResponse:
    """Run one action on an order: pack, ship, deliver, cancel, paid, refund, note.

    A refusal is shown as a message and changes nothing.
    """
    found = _get_order(request, order_id)
    do = ACTIONS.get(action)
    if do is None:
        raise Http404
    try:
        answer = do(request, found)
        notify(tasks.take)
    except ParleyError as error:
        messages.error(request, error.message)
        answer = None
    return answer if isinstance(answer, HttpResponse) else redirect("shop_order", order_id)


def _ship(request: BusinessRequest, found: Order) -> None:
    fulfilment.ship(found, tracking=request.POST.get("tracking", ""))


def _cancel(request: BusinessRequest, found: Order) -> None:
    fulfilment.cancel(found, reason=request.POST.get("reason", ""))


def _note(request: BusinessRequest, found: Order) -> None:
    text = request.POST.get("text", "").strip()
    if not 0 < len(text) <= 2000:
        raise BadInput(_("A note has from 1 to 2,000 characters."), field="text")
    OrderNote.objects.create(business=request.business, order=found, author=request.user, text=text)


def _refund(request: BusinessRequest, found: Order) -> HttpResponse | None:
    """Refund lines where counts are given, else an amount, or with `all` what is left.

    The first request answers with a page that names the amount; its button sends `once`, a token
    that makes one refund however often it comes.
    """
    lines = {
        int(match[1]): int(str(text)[:7])
        for name, text in request.POST.items()
        if (match := re.fullmatch(r"line-(\d{1,5})", name))
        and str(text).isdecimal()
        and int(str(text)[:7]) > 0
    }
    amount = request.POST.get("amount", "").strip()
    minor = _minor(amount, found.currency) if amount and not lines else None
    if not (lines or amount or request.POST.get("all")):
        raise BadInput(_("Choose lines, an amount, or all that is left."), field="amount")
    restock = bool(request.POST.get("restock")) and minor is None
    if not (once := request.POST.get("once", "")):
        return _ask_refund(request, found, lines, minor, restock)
    refunds.refund(
        found,
        lines=lines,
        amount_minor=minor,
        reason=request.POST.get("reason", ""),
        restock=restock,
        once=once,
        expected_minor=_number(request.POST.get("expected", "")),
    )
    return None


def _ask_refund(
    request: BusinessRequest, found: Order, lines: dict[int, int], minor: int | None, restock: bool
) -> HttpResponse:
    """The page that names the amount of a refund before it is made."""
    refunds.payment_of(found)
    asked = {
        "order": found,
        "amount_minor": refunds.amount_of(found, lines=lines, amount_minor=minor),
        "lines": [(lines[one.position], one) for one in found.lines.all() if one.position in lines],
        "restock": restock,
        "reason": request.POST.get("reason", ""),
        "once": secrets.token_urlsafe(12),
        "given": [(name, text) for name, text in request.POST.items() if name not in UNSENT],
    }
    return render(request, "shops/orders/refund.html", asked)


def _number(text: str) -> int:
    return int(text[:18]) if text.isascii() and text.isdecimal() else 0


# Members of the form that the page of the confirmation writes itself.
UNSENT = ("csrfmiddlewaretoken", "once", "expected")


def _minor(text: str, currency: str) -> int:
    try:
        value = Decimal(text.replace(",", ".")).scaleb(money.exponent(currency))
        if not value.is_finite() or value != value.to_integral_value() or abs(value) > 10**15:
            raise InvalidOperation
    except InvalidOperation:
        raise BadInput(_("Write the amount in digits, such as 4.80."), field="amount") from None
    return int(value)


ACTIONS: dict[str, Callable[[BusinessRequest, Order], object]] = {
    "pack": lambda request, found: fulfilment.pack(found),
    "ship": _ship,
    "deliver": lambda request, found: fulfilment.deliver(found),
    "cancel": _cancel,
    "paid": lambda request, found: attempts.record_payment(
        found, reference=request.POST.get("reference", "")
    ),
    "refund": _refund,
    "note": _note,
}


@require_GET
@member_page(*SELLERS)
def receipt(request: BusinessRequest, order_id: int) -> HttpResponse:
    """The buyer's receipt as PDF."""
    found = _get_order(request, order_id)
    headers = {"Content-Disposition": f'attachment; filename="{receipt_filename(found)}"'}
    return HttpResponse(receipt_pdf(found), content_type="application/pdf", headers=headers)
