"""Orders of the demo shop: two weeks of purchases, each at its time on the test clock.

Buyers act by their simulated phones, the seller by the functions that the dashboard calls.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.models import Business
from core.tenancy import scope, system
from demo import script
from demo.clock import set_clock
from hosting.cloudapi import addresses
from hosting.inbound import events
from hosting.models import Message, Number, SimulatedPhone
from hosting.transports import sandbox
from shops import carts, fulfilment, texts
from shops.chat import order_updates, orders_intake, product_messages
from shops.models import Catalog, Order, PaymentWay, Product
from shops.orders import delivery, place
from shops.payments import attempts, refunds

PAID = {"number": "4242 4242 4242 4242", "expiry": "12/39", "code": "123"}
DECLINED = PAID | {"number": "4000 0000 0000 0002"}
ASKED = PAID | {"number": "4000 0027 6000 3184"}
ZONE = ZoneInfo(script.TIMEZONE)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Purchase:
    """One purchase; `steps` are (hours after it was placed, what the seller does then)."""

    person: int
    # (days ago, time of day), or minutes ago.
    placed: tuple[int, str] | int
    goods: Mapping[str, int]
    steps: tuple[tuple[float, str], ...] = ()
    way: str = "card"
    delivery: int = 0
    tracking: str = ""
    by_page: bool = False

    def begins(self, now: datetime) -> datetime:
        """When the cart is sent."""
        if isinstance(self.placed, int):
            return now - self.placed * MINUTE
        days, clock = self.placed
        hours, minutes = map(int, clock.split(":"))
        return (now.astimezone(ZONE) - timedelta(days=days)).replace(
            hour=hours, minute=minutes, second=0
        )


SENT = ((3, "pack"), (22, "ship"), (94, "deliver"))
PURCHASES = [
    Purchase(0, (13, "10:12"), {"eth-250": 2, "papers": 1}, SENT, tracking="UPS 1Z 4471 0031"),
    Purchase(8, (12, "16:40"), {"ken-1000": 1}, SENT, way="asked", tracking="DHL 00340 4345"),
    Purchase(6, (11, "18:05"), {"bra-250": 3}, ((49, "expire"),), way="never"),
    Purchase(
        10,
        (10, "09:31"),
        {"grinder": 1, "papers": 2},
        SENT,
        way="declined",
        tracking="UPS 1Z 4471 0038",
    ),
    Purchase(
        1,
        (9, "14:02"),
        {"col-250": 4, "mug-sand": 1},
        (*SENT, (118, "refund line")),
        tracking="UPS 1Z 4471 0047",
    ),
    Purchase(
        2,
        (8, "13:15"),
        {"mug-sand": 1, "mug-sea": 1},
        SENT,
        tracking="UPS 1Z 4471 0052",
        by_page=True,
    ),
    Purchase(
        3, (7, "11:20"), {"house-250": 2}, ((5, "pack"), (20, "deliver")), way="cash", delivery=1
    ),
    Purchase(12, (6, "10:05"), {"eth-1000": 1}, ((20, "cancel"),)),
    Purchase(
        15, (4, "12:10"), {"house-250": 6}, ((4, "pack"), (21, "ship")), tracking="UPS 1Z 4471 0071"
    ),
    Purchase(24, (3, "11:51"), {"ken-250": 2}, ((6, "pack"), (26, "ship")), by_page=True),
    Purchase(27, (2, "15:02"), {"house-250": 1, "grinder": 1}, ((3, "pack"),), way="asked"),
    Purchase(20, (1, "08:35"), {"eth-250": 3, "mug-sea": 1}, ((2, "pack"),)),
    Purchase(21, (1, "09:56"), {"ken-250": 1, "bra-250": 1}, way="cash"),
    Purchase(19, 71, {"bra-1000": 2, "papers": 1}),
    Purchase(26, 38, {"eth-250": 1, "mug-sand": 1}, way="later"),
    Purchase(25, 11, {"house-250": 3}, way="never"),
]
STREETS = ("Hill Road 12", "Harbour Street 4", "Mill Lane 31", "Park Avenue 9", "Station Road 2")
# Calling code -> town, postcode and country of the buyer.
TOWNS = {
    "1": ("Burlington", "05401", "US"),
    "91": ("Pune", "411001", "IN"),
    "55": ("São Paulo", "01310-100", "BR"),
    "49": ("Hamburg", "20095", "DE"),
    "44": ("Leeds", "LS1 4AP", "GB"),
    "33": ("Lyon", "69002", "FR"),
    "52": ("Puebla", "72000", "MX"),
    "31": ("Utrecht", "3511", "NL"),
    "48": ("Gdańsk", "80-831", "PL"),
    "97": ("Dubai", "", "AE"),
    "96": ("Riyadh", "11564", "SA"),
    "27": ("Cape Town", "8001", "ZA"),
    "90": ("Izmir", "35210", "TR"),
    "56": ("Santiago", "8320000", "CL"),
}


@dataclass
class OrderSimulation:
    """The two weeks before `now`: the actions that are still to run, in their order."""

    business: Business
    number: Number
    phones: Mapping[str, SimulatedPhone]
    now: datetime
    # Position in PURCHASES -> id of its order.
    orders: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Collect all actions up to the present."""
        actions = [
            action for n, purchase in enumerate(PURCHASES) for action in self._actions(n, purchase)
        ]
        self.pending = sorted(
            (action for action in actions if action[0] <= self.now), key=lambda action: action[:2]
        )

    def run_until(self, moment: datetime) -> None:
        """Run the actions up to that moment, each with the test clock at its own time."""
        while self.pending and self.pending[0][0] <= moment:
            at, _place, do = self.pending.pop(0)
            set_clock(self.business, at)
            with system("the demo reads its clock"):
                self.business.refresh_from_db()
            do()
            _settle(self.business)

    def _actions(
        self, n: int, purchase: Purchase
    ) -> Iterator[tuple[datetime, int, Callable[[], None]]]:
        start = purchase.begins(self.now)
        yield start, n, partial(self._place, n, purchase)
        yield start + 2 * MINUTE, n, partial(self._choose, n, purchase)
        if purchase.way != "never":
            if not (purchase.by_page or purchase.delivery):
                yield start + 3 * MINUTE, n, partial(self._send_address, n, purchase)
            yield start + 5 * MINUTE, n, partial(self._pay, n, purchase)
        for hours, name in purchase.steps:
            yield start + hours * HOUR, n, partial(self._step, n, purchase, name)

    def _phone(self, purchase: Purchase) -> SimulatedPhone:
        phone = self.phones[script.PEOPLE[purchase.person].digits]
        phone.business = self.business
        return phone

    def _place(self, n: int, purchase: Purchase) -> None:
        phone = self._phone(purchase)
        with scope(self.business.pk):
            catalog = Catalog.objects.select_related("business").get(business=self.business)
            if purchase.by_page:
                sandbox.write(
                    simulated_phone=phone,
                    number=self.number,
                    text=_cart_message(catalog, purchase.goods),
                )
            else:
                self._send(
                    phone, "order", product_messages.order_content(catalog, dict(purchase.goods))
                )
        _settle(self.business)
        with scope(self.business.pk):
            self.orders[n] = Order.objects.filter(catalog=catalog).latest("id").pk

    def _send(self, phone: SimulatedPhone, kind: str, content: dict[str, Any]) -> None:
        sandbox.send_from_phone(
            simulated_phone=phone, number=self.number, kind=kind, content=content
        )

    def _choose(self, n: int, purchase: Purchase) -> None:
        with scope(self.business.pk):
            order = self._order(n)
            method = order.catalog.delivery_methods.all()[purchase.delivery]
            reply = {"id": f"{texts.DELIVERY_PREFIX}{order.pk}:{method.pk}", "title": method.name}
            content = {"type": "list_reply", "list_reply": reply}
            self._send(self._phone(purchase), "interactive", content)

    def _send_address(self, n: int, purchase: Purchase) -> None:
        """Answer the address form in the chat; buyers from the shop's page fill the pay page."""
        phone, home = self._phone(purchase), _home(purchase.person)
        with scope(self.business.pk):
            conversation = self._order(n).conversation
            asked = Message.objects.filter(
                conversation=conversation, content__type="address_message"
            ).latest("id")
            given = {
                "name": home["name"],
                "address": home["street"],
                "city": home["city"],
                "postal_code": home["postcode"],
                "in_pin_code": home["postcode"],
            }
            content = addresses.form_reply(asked.content, given)
            sandbox.send_from_phone(
                simulated_phone=phone,
                number=self.number,
                kind="interactive",
                content=content,
                context=asked.wamid,
            )

    def _order(self, n: int) -> Order:
        return Order.objects.select_related("business", "catalog__number").get(pk=self.orders[n])

    def _pay(self, n: int, purchase: Purchase) -> None:
        """Choose delivery and payment as the pay page does."""
        with scope(self.business.pk):
            order = self._order(n)
            if attempts.lacks_delivery(order):
                method = order.catalog.delivery_methods.all()[purchase.delivery]
                order = delivery.choose_delivery(
                    order, method=method, address=_home(purchase.person)
                )
            if purchase.way == "cash":
                attempts.pay_later(order, way=PaymentWay.CASH)
            elif purchase.way == "asked":
                attempts.pay_by_test_card(order, **ASKED)
                attempts.answer_bank(order, accepted=True)
            elif purchase.way in ("declined", "later"):
                attempts.pay_by_test_card(order, **DECLINED)
            if purchase.way in ("card", "declined"):
                attempts.pay_by_test_card(order, **PAID)

    def _step(self, n: int, purchase: Purchase, name: str) -> None:
        if name == "expire":
            with system("the demo's unpaid orders expire"):
                place.expire_due()
            return
        actions: dict[str, Callable[[Order], object]] = {
            "pack": fulfilment.pack,
            "ship": partial(fulfilment.ship, tracking=purchase.tracking),
            "deliver": fulfilment.deliver,
            "cancel": partial(fulfilment.cancel, reason="The last bag was torn, we are sorry."),
            "refund line": partial(refunds.refund, lines={1: 1}, reason="One bag was open."),
        }
        with scope(self.business.pk):
            actions[name](self._order(n))


def _cart_message(catalog: Catalog, goods: Mapping[str, int]) -> str:
    """The message that the shop's page writes for a cart of these goods."""
    cart = None
    for product in Product.objects.filter(catalog=catalog, retailer_id__in=goods).order_by("id"):
        count = goods[product.retailer_id]
        cart = carts.set_quantity(catalog, cart, product_id=product.pk, quantity=count, add=False)
    return carts.first_message(catalog, cart)


def _home(person: int) -> dict[str, str]:
    buyer = script.PEOPLE[person]
    city, postcode, country = TOWNS.get(buyer.digits[:2]) or TOWNS[buyer.digits[:1]]
    street = STREETS[person % len(STREETS)]
    return {
        "name": buyer.name,
        "street": street,
        "city": city,
        "postcode": postcode,
        "country": country,
    }


# One query instead of three: it runs after every step.
_OPEN = """
    SELECT EXISTS (SELECT FROM hosting_event WHERE applied_at IS NULL AND dead_at IS NULL),
           EXISTS (SELECT FROM shops_incomingorder
                    WHERE business_id = %(business_id)s AND dead_at IS NULL),
           EXISTS (SELECT FROM shops_orderupdate
                    WHERE business_id = %(business_id)s AND notified_at IS NULL AND dead_at IS NULL)
"""


def _settle(business: Business) -> None:
    """Work on queues until nothing is open; a worker beside may hold some rows."""
    queues = (events.apply_due, orders_intake.process_due, order_updates.notify_due)
    while any(waiting := _open_queues(business)):
        if not sum(work() for work, is_open in zip(queues, waiting, strict=True) if is_open):
            time.sleep(0.002)


def _open_queues(business: Business) -> tuple[bool, ...]:
    with system("the demo reads queues"), connection.cursor() as cursor:
        cursor.execute(_OPEN, {"business_id": business.pk})
        return tuple(cursor.fetchone())
