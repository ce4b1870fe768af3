"""Delivery of an order: its method, its address, and what they change in the totals."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from core.errors import BadInput
from core.territories import country_name
from shops.errors import WrongState
from shops.models import LIVE, DeliveryMethod, Order, OrderState, PaymentStatus
from shops.orders.place import lock_order
from shops.orders.totals import Sums, sums_of

# Fields of an address and their labels.
ADDRESS_FIELDS = {
    "name": _lazy("Name"),
    "street": _lazy("Street and number"),
    "city": _lazy("Town"),
    "postcode": _lazy("Postcode"),
    "region": _lazy("Region"),
    "country": _lazy("Country"),
    "phone": _lazy("Phone"),
}
MAX_FIELD_LENGTH = 200
INDIAN_POSTCODE = re.compile(r"[1-9][0-9]{5}")


def choose_delivery(
    order: Order, *, method: DeliveryMethod, address: Mapping[str, Any] | None = None
) -> Order:
    """Set delivery method and address; the totals follow.

    Raises WrongState once the order is confirmed or a payment is under way, BadInput for the
    address. In a chat the method is chosen first, without `address`; the pay page asks for what is
    missing. A payment by test card that waits for its confirmation is cancelled.
    """
    order = lock_order(order)
    if order.state != OrderState.PLACED:
        raise WrongState(_("Delivery is chosen before the order is confirmed."))
    place = order.address if address is None else check_address(method, address)
    sums = _sums_with_delivery(order, method)
    if sums.total != order.total_minor:
        _end_payments(order)
    Order.objects.filter(pk=order.pk).update(
        delivery_name=method.name,
        delivery_minor=sums.delivery,
        delivery_tax_percent=method.tax_percent,
        tax_minor=sums.tax,
        total_minor=sums.total,
        address=place,
    )
    order.refresh_from_db()
    return order


def _end_payments(order: Order) -> None:
    """Cancel waiting payments, whose amount would be wrong.

    Raises WrongState where the network has one.
    """
    under_way = order.payments.filter(status__in=LIVE)
    if under_way.filter(is_sandbox=False).exists():
        raise WrongState(
            _("A payment of this order is under way. Delivery can be changed once it has ended.")
        )
    under_way.update(status=PaymentStatus.CANCELLED, settled_at=order.business.now())


def _sums_with_delivery(order: Order, method: DeliveryMethod) -> Sums:
    lines = order.lines.values_list("amount_minor", "tax_percent")
    return sums_of(
        lines,
        delivery=method.price_minor,
        delivery_tax=method.tax_percent,
        tax_included=order.tax_included,
    )


def check_address(method: DeliveryMethod, given: Mapping[str, Any]) -> dict[str, str]:
    """The known fields of an address, trimmed.

    Raises BadInput naming a field that is missing, too long or not served.
    """
    place = {name: str(given.get(name) or "").replace("\0", "").strip() for name in ADDRESS_FIELDS}
    if not method.needs_address:
        return {name: text for name, text in place.items() if text}
    for name in ("name", "street", "city", "country"):
        if not place[name]:
            raise BadInput(
                _("%(field)s: please fill this in.") % {"field": ADDRESS_FIELDS[name]}, field=name
            )
    for name, text in place.items():
        if len(text) > MAX_FIELD_LENGTH:
            words = _("%(field)s: %(most)d characters are the most.")
            raise BadInput(
                words % {"field": ADDRESS_FIELDS[name], "most": MAX_FIELD_LENGTH}, field=name
            )
    _check_country(method, place)
    return {name: text for name, text in place.items() if text}


def _check_country(method: DeliveryMethod, place: dict[str, str]) -> None:
    """Raise BadInput for an invalid or unserved country, or an invalid Indian postcode."""
    place["country"] = country = place["country"].upper()
    if not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise BadInput(_("Write the country as two letters, such as DE."), field="country")
    if method.served and country not in method.served:
        served = {"method": method.name, "countries": ", ".join(map(country_name, method.served))}
        raise BadInput(_("%(method)s goes to %(countries)s only.") % served, field="country")
    if (
        country == "IN"
        and place["postcode"]
        and not INDIAN_POSTCODE.fullmatch(place["postcode"].replace(" ", ""))
    ):
        raise BadInput(_("A postcode in India has six digits."), field="postcode")
