"""Pay page of an order: public to whoever has its URL, shown in the chat's own view."""

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
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput, ParleyError
from core.stripe import payment_redirect
from core.tenancy import scope, system
from core.territories import countries
from core.wake import notify
from hosting.contacts.identity import country_of
from shops import tasks, texts
from shops.documents.receipt import receipt_filename, receipt_pdf
from shops.models import LIVE, DeliveryMethod, Order, OrderState, PaymentStatus, PaymentWay
from shops.orders import delivery
from shops.payments import attempts as payments_attempts
from shops.payments import stripe_collection

PayAction = Callable[[HttpRequest, Order], object]
PayView = Callable[[HttpRequest, str], HttpResponse]


def allow_own_frame(view: PayView) -> PayView:
    """Allow framing by our own pages only (the simulated phone), and forbid caching."""
    uncached: Any = never_cache(view)
    own_pages: Any = csp_replace({"frame-ancestors": ["'self'"]})
    wrapped: PayView = own_pages(xframe_options_sameorigin(uncached))
    return wrapped


@contextmanager
def _order_by_token(token: str) -> Iterator[Order]:
    """The order with this token, in its business's scope; 404 for any other token."""
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


@allow_own_frame
@require_GET
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """The order's total, delivery and payment, and later its progress."""
    if "back" in request.GET:
        with _order_by_token(token) as order:
            pass
        stripe_collection.refresh_attempt(order)
        notify(tasks.take)
    with _order_by_token(token) as order:
        return _pay_page(request, order)


@require_POST
def card_page(request: HttpRequest, token: str) -> HttpResponse:
    """Redirect to the payment network's page; the open attempt's page while there is one."""
    with _order_by_token(token) as order:
        back = f"{texts.pay_url(order)}?back=1"
    try:
        url = stripe_collection.open_card_page(order, back=back)
    except ParleyError as error:
        with _order_by_token(token) as order:
            return _pay_page(request, order, error)
    return payment_redirect(request, url, _("Pay by card"))


def _pay_action(do: PayAction) -> Callable[[HttpRequest, str], HttpResponse]:
    """Make a POST view of an action; on an error the page is shown again with its message."""

    @allow_own_frame
    @require_POST
    @wraps(do)
    def view(request: HttpRequest, token: str) -> HttpResponse:
        try:
            with _order_by_token(token) as order:
                do(request, order)
                notify(tasks.take)
        except ParleyError as error:
            with _order_by_token(token) as order:
                return _pay_page(request, order, error)
        return redirect("shop_pay", token)

    return view


@_pay_action
def choose_delivery(request: HttpRequest, order: Order) -> None:
    """Choose the delivery method and give the address."""
    wanted = request.POST.get("method", "")
    methods = order.catalog.delivery_methods.filter(is_active=True)
    method = (
        methods.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 19 else None
    )
    if method is None:
        raise BadInput("Choose a way of delivery.", field="method")
    address = {name: request.POST.get(name, "") for name in delivery.ADDRESS_FIELDS}
    delivery.choose_delivery(order, method=method, address=address)


@_pay_action
def card(request: HttpRequest, order: Order) -> None:
    """Pay by a test card."""
    given = {name: request.POST.get(name, "")[:40] for name in ("number", "expiry", "code")}
    payments_attempts.pay_by_test_card(order, **given)


@_pay_action
def confirm(request: HttpRequest, order: Order) -> None:
    """Answer the simulated 3-D Secure question."""
    payments_attempts.answer_bank(order, accepted=request.POST.get("accepted") == "1")


@_pay_action
def pay_later(request: HttpRequest, order: Order) -> None:
    """Pay on delivery or by transfer, or confirm an order with total 0."""
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
    with _order_by_token(token) as order:
        headers = {
            "Content-Disposition": f'attachment; filename="{receipt_filename(order)}"',
            "X-Robots-Tag": "noindex",
        }
        return HttpResponse(receipt_pdf(order), content_type="application/pdf", headers=headers)


def _pay_page(request: HttpRequest, order: Order, error: ParleyError | None = None) -> HttpResponse:
    is_open = order.state == OrderState.PLACED
    attempts = list(order.payments.all())
    methods = list(order.catalog.delivery_methods.filter(is_active=True)) if is_open else []
    given: Mapping[str, Any] = request.POST if error else order.address
    context: dict[str, Any] = {
        "order": order,
        "catalog": order.catalog,
        "lines": order.lines.all(),
        "methods": methods,
        "countries": _served_countries(methods),
        "country": given.get("country") or _buyer_country(order),
        "lacks_delivery": is_open and payments_attempts.lacks_delivery(order),
        "changing": request.GET.get("change") == "1",
        "accepts_test_cards": payments_attempts.accepts_test_cards(order.catalog),
        "waiting": next((one for one in attempts if one.status in LIVE), None),
        "failed": attempts[-1]
        if attempts and attempts[-1].status == PaymentStatus.FAILED
        else None,
        "error": error,
        "given": given,
    }
    response = render(
        request, "shops/payments/pay.html", context, status=error.status if error else 200
    )
    response.headers["X-Robots-Tag"] = "noindex"
    # The URL is a secret: it must not reach other sites as a referrer.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _served_countries(methods: list[DeliveryMethod]) -> list[tuple[str, str]]:
    """Countries these methods deliver to; all where one of them delivers everywhere."""
    served = [method.served for method in methods if method.needs_address]
    return countries(among=chain.from_iterable(served) if all(served) else ())


def _buyer_country(order: Order) -> str:
    """Country of the buyer's number; ZZ, which no list has, where there is none."""
    return country_of(order.conversation.contact.wa_id) if order.conversation else "ZZ"
