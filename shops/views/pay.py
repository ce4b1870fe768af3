"""The pay page of an order: for whoever has its address, without a login, in the chat's own
view.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput, ParleyError
from core.tenancy import scope, system
from core.territories import countries
from core.wake import notify
from hosting.contacts.identity import country_of
from shops import tasks, texts
from shops.documents.receipt import filename_of, receipt_pdf
from shops.models import LIVE, DeliveryMethod, Order, OrderState, PaymentStatus, PaymentWay
from shops.orders import place
from shops.payments import attempts as payments_attempts
from shops.payments import stripe_collection

Deed = Callable[[HttpRequest, Order], object]
Page = Callable[[HttpRequest, str], HttpResponse]


def framed(view: Page) -> Page:
    """Let the simulated phone open a page in its own frame; nobody else, and no cache keeps it."""
    wrapped: Any = csp_replace({"frame-ancestors": ["'self'"]})(
        xframe_options_sameorigin(never_cache(view))
    )  # type: ignore[arg-type]
    return wrapped  # type: ignore[no-any-return]


@contextmanager
def _opened(token: str) -> Iterator[Order]:
    """The order of that token, in its business's scope; 404 for any other token."""
    with system("who has the address of an order may see and pay it"):
        business_id = (
            Order.objects.filter(token=token).values_list("business_id", flat=True).first()
        )
    if business_id is None:
        raise Http404
    with scope(business_id):
        found = Order.objects.select_related("business", "catalog__number", "catalog__business")
        order = found.get(token=token)
        with timezone.override(ZoneInfo(order.business.timezone)):
            yield order


@framed
@require_GET
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """One order: what it comes to, how it is delivered and paid, and later how far it has come."""
    with _opened(token) as order:
        if "back" in request.GET:
            stripe_collection.look_now(order)
            notify(tasks.take)
            order.refresh_from_db()
        return _page(request, order)


@require_POST
def page(request: HttpRequest, token: str) -> HttpResponse:
    """On to the payment network's page; the same attempt while one is open."""
    try:
        with _opened(token) as order:
            url = stripe_collection.card_page(order, back=f"{texts.pay_address(order)}?back=1")
    except ParleyError as error:
        with _opened(token) as order:
            return _page(request, order, error)
    return render(request, "shops/leaving.html", {"url": url})


def _deed(do: Deed) -> Callable[[HttpRequest, str], HttpResponse]:
    """A POST of the page: it does one thing and shows the page again, with what is wrong where it
    is refused.
    """

    @framed
    @require_POST
    @wraps(do)
    def view(request: HttpRequest, token: str) -> HttpResponse:
        try:
            with _opened(token) as order:
                do(request, order)
                notify(tasks.take)
        except ParleyError as error:
            with _opened(token) as order:
                return _page(request, order, error)
        return redirect("shop_pay", token)

    return view


@_deed
def deliver(request: HttpRequest, order: Order) -> None:
    """Choose the way of delivery, and say where to."""
    wanted = request.POST.get("method", "")
    methods = order.catalog.delivery_methods.filter(is_active=True)
    method = (
        methods.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 19 else None
    )
    if method is None:
        raise BadInput("Choose a way of delivery.", field="method")
    address = {name: request.POST.get(name, "") for name in place.ADDRESS}
    place.choose_delivery(order, method=method, address=address)


@_deed
def card(request: HttpRequest, order: Order) -> None:
    """Pay by a test card."""
    given = {name: request.POST.get(name, "")[:40] for name in ("number", "expiry", "code")}
    payments_attempts.pay_by_test_card(order, **given)


@_deed
def confirm(request: HttpRequest, order: Order) -> None:
    """Answer the bank's question."""
    payments_attempts.answer_bank(order, accepted=request.POST.get("accepted") == "1")


@_deed
def later(request: HttpRequest, order: Order) -> None:
    """Pay at the door or by transfer, or confirm what costs nothing."""
    way = request.POST.get("way", "")
    if way == "free":
        payments_attempts.confirm_free(order)
        return
    if way not in (PaymentWay.CASH, PaymentWay.TRANSFER):
        raise BadInput("Choose how to pay.", field="way")
    payments_attempts.pay_later(order, way=PaymentWay(way))


@never_cache
@require_GET
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """The receipt as PDF."""
    with _opened(token) as order:
        headers = {
            "Content-Disposition": f'attachment; filename="{filename_of(order)}"',
            "X-Robots-Tag": "noindex",
        }
        return HttpResponse(receipt_pdf(order), content_type="application/pdf", headers=headers)


def _page(request: HttpRequest, order: Order, error: ParleyError | None = None) -> HttpResponse:
    is_open = order.state == OrderState.PLACED
    attempts = list(order.payments.all())
    methods = list(order.catalog.delivery_methods.filter(is_active=True)) if is_open else []
    given: Mapping[str, Any] = request.POST if error else order.address
    context: dict[str, Any] = {
        "order": order,
        "catalog": order.catalog,
        "lines": order.lines.all(),
        "methods": methods,
        "countries": _countries(methods),
        "country": given.get("country") or _own_country(order),
        "lacks_delivery": is_open and payments_attempts.lacks_delivery(order),
        "changing": request.GET.get("change") == "1",
        "has_test_form": payments_attempts.has_test_form(order.catalog),
        "waiting": next((one for one in attempts if one.status in LIVE), None),
        "failed": attempts[-1]
        if attempts and attempts[-1].status == PaymentStatus.FAILED
        else None,
        "error": error,
        "given": given,
    }
    response = render(request, "shops/pay.html", context, status=error.status if error else 200)
    response.headers["X-Robots-Tag"] = "noindex"
    # The address is the key: it must not reach others as a referrer.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _countries(methods: list[DeliveryMethod]) -> list[tuple[str, str]]:
    """Where any of these brings goods to: those countries, or all when one goes everywhere."""
    served = [method.served for method in methods if method.needs_address]
    return countries(among=chain.from_iterable(served) if all(served) else ())


def _own_country(order: Order) -> str:
    """The country of the buyer's number; ZZ, which no list has, where there is none."""
    return country_of(order.conversation.contact.wa_id) if order.conversation else "ZZ"
