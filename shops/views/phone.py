"""The catalogue on a simulated phone, and the cart sent from it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts.access import BusinessRequest
from core.wake import notify
from hosting import tasks
from hosting.cloudapi.texts import products_of
from hosting.forms.phones import SimulatedPhoneForm
from hosting.models import Direction, Message, Number, SimulatedPhone, Transport
from hosting.numbers.phone_access import phone_page
from hosting.transports import sandbox
from shops.chat import product_messages
from shops.models import Catalog
from shops.models.carts import MAX_QUANTITY

MAX_PHONES_SHOWN = 60


@phone_page
def shop(request: BusinessRequest, simulated_phone_id: int, phone_number_id: str) -> HttpResponse:
    """Products of the number's shop or of one message; POST sends the cart, or keeps it while
    searching.
    """
    simulated_phone = get_object_or_404(
        SimulatedPhone.objects.select_related("business"),
        business=request.business,
        pk=simulated_phone_id,
    )
    number = get_object_or_404(
        Number.objects.select_related("account"),
        business=request.business,
        phone_number_id=phone_number_id,
        transport=Transport.SANDBOX,
    )
    catalog = (
        Catalog.objects.filter(business=request.business, number=number)
        .select_related("business")
        .first()
    )
    cart = _cart_quantities(request)
    sends = request.method == "POST" and request.POST.get("do") == "send"
    if (
        sends
        and catalog
        and sandbox.can_send(simulated_phone=simulated_phone, number=number)
        and (content := product_messages.order_content(catalog, cart))
    ):
        sandbox.send_from_phone(
            simulated_phone=simulated_phone, number=number, kind="order", content=content
        )
        notify(tasks.apply)
        return redirect("phone_chat", simulated_phone.pk, number.phone_number_id)
    return render(
        request,
        "shops/chat/phone_catalog.html",
        _context(request, simulated_phone, number, catalog, cart),
    )


def _cart_quantities(request: HttpRequest) -> dict[str, int]:
    """Quantities from fields named `n-<retailer id>`; invalid ones are dropped."""
    counts = {
        name.removeprefix("n-"): text
        for name, text in request.POST.items()
        if name.startswith("n-")
    }
    return {
        name: min(int(str(text)), MAX_QUANTITY)
        for name, text in counts.items()
        if str(text).isdecimal() and len(str(text)) < 7 and int(str(text))
    }


def _context(
    request: BusinessRequest,
    simulated_phone: SimulatedPhone,
    number: Number,
    catalog: Catalog | None,
    cart: dict[str, int],
) -> dict[str, Any]:
    words = request.POST.get("q", "").strip()[:100]
    products = (
        product_messages.search_products(catalog, words, only=_message_products(request, number))
        if catalog
        else []
    )
    shown = {product.retailer_id for product in products}
    for product in products:
        product.wanted = cart.get(product.retailer_id, 0)
    simulated_phones = SimulatedPhone.objects.filter(business=request.business).order_by(
        "name", "id"
    )[:MAX_PHONES_SHOWN]
    is_guest = getattr(request, "is_guest", False)
    return {
        "simulated_phone": simulated_phone,
        "number": number,
        "catalog": catalog,
        "products": products,
        "words": words,
        "kept": [(name, count) for name, count in cart.items() if name not in shown],
        "now": request.business.now(),
        "simulated_phones": [] if is_guest else list(simulated_phones),
        "form": SimulatedPhoneForm(),
    }


def _message_products(request: BusinessRequest, number: Number) -> list[str]:
    """Products of the message that was tapped; empty for the whole catalogue."""
    wanted = request.GET.get("message", "")
    if not wanted.isdecimal() or len(wanted) > 18:
        return []
    tapped = Message.objects.filter(
        business=request.business, number=number, direction=Direction.OUT, pk=int(wanted)
    )
    message = tapped.first()
    return products_of(message.kind, message.content) if message else []
