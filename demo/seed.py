"""Seed of the demo: a business through three months, by the interfaces that every business uses."""

import random
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from allauth.account.models import EmailAddress
from django.conf import settings
from django.utils import timezone

from accounts.models import ApiKey, Business, Membership, Role, User
from billing.metering import meter
from billing.models import Seller
from core import tenancy
from core.tenancy import system
from demo import invoices, script, shop
from demo.clock import set_clock
from demo.orders import OrderSimulation
from hosting.broadcasts import drafts, run
from hosting.conversations import teamwork
from hosting.inbound import events
from hosting.models import (
    Account,
    Conversation,
    Event,
    Number,
    SimulatedPhone,
    Template,
    TemplateStatus,
)
from hosting.transports import sandbox

Report = Callable[[int, int, str], None]


@dataclass
class Demo:
    """The demo business and what its simulation needs."""

    business: Business
    account: Account
    number: Number
    key: str
    phones: dict[str, SimulatedPhone]
    client: httpx.Client
    # No secret: a pause, or data of the demo.
    rng: random.Random = field(default_factory=lambda: random.Random(7))  # nosec B311


def find() -> Business | None:
    """The demo business; None where it does not exist."""
    with system("the demo is looked up by name"):
        return Business.objects.filter(name=script.BUSINESS).order_by("id").first()


def make_logins(business: Business) -> dict[str, dict[str, str]]:
    """One login per role with a new password, and an operator for the admin."""
    logins = {}
    with system("operators belong to no business"):
        for role in (*Role.values, "operator"):
            email, password = f"{role}@luma.example", secrets.token_urlsafe(9)
            user, _ = User.objects.get_or_create(email=email, defaults={"name": f"Demo {role}"})
            user.is_staff = user.is_superuser = role == "operator"
            user.set_password(password)
            EmailAddress.objects.update_or_create(
                user=user, email=email, defaults={"primary": True, "verified": True}
            )
            user.save()
            if role in Role.values:
                Membership.objects.get_or_create(
                    business=business, user=user, defaults={"role": role}
                )
            logins[role] = {"email": email, "password": password}
    return logins


def create(transport: httpx.BaseTransport) -> Demo:
    """Create the business with number, templates, key and simulated phones."""
    with system("a business is being created"):
        Seller.objects.filter(is_current=True, address="").update(address=script.SELLER_ADDRESS)
        business = Business.objects.create(
            name=script.BUSINESS,
            plan_id="team",
            country="US",
            timezone=script.TIMEZONE,
            clock_at=founded(timezone.now()),
        )
        account = Account.objects.create(
            business=business,
            name=script.BUSINESS,
            app_secret=settings.APP_SECRET,
            verify_token=settings.VERIFY_TOKEN,
        )
        number = Number.objects.create(
            business=business,
            account=account,
            digits=script.DIGITS,
            verified_name=script.BUSINESS,
            # Live, as an operator's switch makes it: the demo shows invoices that are owed.
            is_test=False,
        )
        Template.objects.bulk_create(_templates(business, account))
        _, key = ApiKey.issue(business, name="Demo key")
        phones = SimulatedPhone.objects.bulk_create(
            SimulatedPhone(
                business=business, wa_id=person.digits, name=person.name, reads_at_once=n % 4 != 3
            )
            for n, person in enumerate(script.PEOPLE)
        )
    by_number = {phone.wa_id: phone for phone in phones}
    return Demo(business, account, number, key, by_number, _client(transport, key))


def _client(transport: httpx.BaseTransport, key: str) -> httpx.Client:
    return httpx.Client(
        transport=transport,
        base_url=settings.BASE_URL,
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )


def _templates(business: Business, account: Account) -> Iterator[Template]:
    for name, category, text, example in script.TEMPLATES:
        body: dict[str, Any] = {"type": "BODY", "text": text}
        if example:
            body["example"] = {"body_text": [example]}
        yield Template(
            business=business,
            account=account,
            name=name,
            language="en_US",
            category=category,
            components=[body],
            status=TemplateStatus.APPROVED,
        )


def resumed(business: Business, key: str, transport: httpx.BaseTransport) -> Demo:
    """The demo that an earlier process created and did not finish."""
    with system("the demo goes on"):
        number = Number.objects.select_related("account").get(
            business=business, digits=script.DIGITS
        )
        phones = {phone.wa_id: phone for phone in SimulatedPhone.objects.filter(business=business)}
    return Demo(business, number.account, number, key, phones, _client(transport, key))


def simulate(demo: Demo, report: Report) -> None:
    """Simulate the last two months and the current one, week by week; then issue the invoices.

    Begins at the business's test clock: weeks before it were simulated by a process that ended.
    `report` is called with weeks done, weeks in all, and what is being done.
    """
    now = timezone.now()
    total = len(list(_weeks(now)))
    weeks = weeks_left(now, demo.business.clock_at)
    before = total - len(weeks)
    shop.open_shop(demo.business, demo.number)
    orders = OrderSimulation(demo.business, demo.number, demo.phones, now)
    invoices.hold_back(demo.business)
    for n, (start, end) in enumerate(weeks):
        report(before + n, total, f"week of {start:%d %B %Y}")
        _week(demo, start, end)
        orders.run_until(end)
    orders.run_until(now)
    _drain()
    invoices.issue(demo.business, founded(now).date(), now.astimezone(ZoneInfo(script.TIMEZONE)))
    _return_to_present(demo)
    report(total, total, "done")


def founded(now: datetime) -> datetime:
    """When the demo's business begins: a quiet month, which costs its plan's fee alone."""
    return (first_month(now) - timedelta(days=1)).replace(day=1)


def first_month(now: datetime) -> datetime:
    """When the demo's three months of messages begin."""
    today = now.astimezone(ZoneInfo(script.TIMEZONE))
    return (today.replace(day=1) - timedelta(days=32)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )


def weeks_left(now: datetime, clock_at: datetime | None) -> list[tuple[datetime, datetime]]:
    """Beginnings and ends of the weeks that begin at the test clock or later.

    The week in which an earlier process ended is left as it is.
    """
    return [week for week in _weeks(now) if clock_at is None or week[0] >= clock_at]


def _weeks(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    month = first_month(now)
    today = now.astimezone(month.tzinfo)
    while month < today:
        following = (month + timedelta(days=32)).replace(day=1)
        start = month
        while start < min(following, today):
            end = min(start + timedelta(days=8), following, today)
            # A range that is too short for conversations is left out.
            if end - start > timedelta(hours=12):
                yield start, end
            start = start + timedelta(days=8)
        month = following


def _week(demo: Demo, start: datetime, end: datetime) -> None:
    """Questions, answers and thanks, then messages about orders, codes and, monthly, a product."""
    people = demo.rng.sample(script.PEOPLE, k=20)
    asked = {person.digits: _moment(demo, start, end) for person in people}
    replies = {}
    for person in people:
        question, replies[person.digits] = demo.rng.choice(script.EXCHANGES)
        _receive(demo, person.digits, question, at=asked[person.digits])
    _apply_all()
    for digits, text in replies.items():
        _send(demo, digits, asked[digits] + timedelta(minutes=demo.rng.randint(2, 40)), _text(text))
    _drain()
    for digits in demo.rng.sample(list(asked), k=12):
        thanks = demo.rng.choice(script.THANKS)
        _receive(demo, digits, thanks, at=asked[digits] + timedelta(minutes=50))
    _apply_all()
    _send_templates(demo, start, end)
    _drain()


def _receive(demo: Demo, digits: str, text: str, *, at: datetime) -> None:
    """A customer's phone writes to the demo's number."""
    phone = demo.phones[digits]
    sandbox.write(simulated_phone=phone, number=demo.number, text=text, at=at)


def _send_templates(demo: Demo, start: datetime, end: datetime) -> None:
    for person in demo.rng.sample(script.PEOPLE, k=14):
        _send(demo, person.digits, _moment(demo, start, end), _shipped(demo, person))
    for person in demo.rng.sample(script.PEOPLE, k=6):
        at = _moment(demo, start, end)
        code = _template("login_code", f"{demo.rng.randint(0, 999999):06}")
        _send(demo, person.digits, at, code)
    if start.day == 1:
        launch = start + timedelta(hours=10)
        for person in script.PEOPLE:
            _send(demo, person.digits, launch, _template("new_harvest", person.name.split()[0]))


def _moment(demo: Demo, start: datetime, end: datetime) -> datetime:
    # 100 minutes before the end leave time for answers and deliveries.
    seconds = int((end - timedelta(minutes=100) - start).total_seconds())
    return start + timedelta(seconds=demo.rng.randrange(max(seconds, 1)))


def _text(body: str) -> dict[str, Any]:
    return {"type": "text", "text": {"body": body}}


def _shipped(demo: Demo, person: script.Person) -> dict[str, Any]:
    return _template("order_shipped", person.name.split()[0], f"L-{demo.rng.randint(1000, 9999)}")


def _template(name: str, *values: str) -> dict[str, Any]:
    parameters = [{"type": "text", "text": value} for value in values]
    return {
        "type": "template",
        "template": {
            "name": name,
            "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": parameters}],
        },
    }


def _send(demo: Demo, to: str, at: datetime, message: dict[str, Any]) -> None:
    set_clock(demo.business, at)
    response = demo.client.post(
        f"/v23.0/{demo.number.phone_number_id}/messages",
        json={"messaging_product": "whatsapp", "to": to} | message,
    )
    if response.status_code != httpx.codes.OK:
        raise RuntimeError(f"the demo's message was refused: {response.text}")


def _drain() -> None:
    """Work on queues as workers do, until nothing waits."""
    while sandbox.deliver_due() + _apply_all():
        pass
    while meter.meter_due():
        pass


def _apply_all() -> int:
    """Apply incoming events; waits for those that a worker holds."""
    applied = events.apply_due()
    while _has_events():
        applied += events.apply_due()
        time.sleep(0.005)
    return applied


def _has_events() -> bool:
    with system("the demo reads queues"):
        return bool(Event.objects.filter(applied_at=None, dead_at=None).exists())


def _return_to_present(demo: Demo) -> None:
    """Reset the clock, and let customers write messages that wait for an answer."""
    set_clock(demo.business, None)
    with system("the demo marks conversations read"):
        demo.business.refresh_from_db()
        Conversation.objects.filter(business=demo.business).update(unread_count=0)
    now = timezone.now()
    for n, person in enumerate(script.PEOPLE[:4]):
        phone = demo.phones[person.digits]
        phone.business = demo.business
        sandbox.write(
            simulated_phone=phone,
            number=demo.number,
            text=script.EXCHANGES[n][0],
            at=now - timedelta(minutes=7 * n + 1),
        )
    _drain()
    with system("the demo's team writes notes"):
        _add_teamwork(demo)
    _broadcast(demo)


def _broadcast(demo: Demo) -> None:
    """Send one broadcast to all customers."""
    rows = "\n".join(f"+{person.digits},{person.name.split()[0]}" for person in script.PEOPLE)
    with system("the demo sends a broadcast"):
        template = Template.objects.select_related("account").get(
            account=demo.account, name="new_harvest"
        )
        broadcast = drafts.create_draft(
            business=demo.business,
            author=User.objects.filter(email="owner@luma.example").first(),
            name=script.BROADCAST,
            number=demo.number,
            template=template,
            text=rows,
        )
        run.start(broadcast=broadcast)
    while run.work_due():
        pass
    _drain()


def _add_teamwork(demo: Demo) -> None:
    for shortcut, text in script.CANNED.items():
        teamwork.save_canned_reply(business_id=demo.business.pk, shortcut=shortcut, text=text)
    threads = {
        row.contact.wa_id: row
        for row in Conversation.objects.filter(business=demo.business).select_related(
            "contact", "business"
        )
    }
    for name, positions in script.LABELS.items():
        for person in (script.PEOPLE[position] for position in positions):
            teamwork.add_label(conversation=threads[person.digits], name=name)
    with tenancy.logins("the demo's agent"):
        agent, _ = User.objects.get_or_create(
            email="agent@luma.example", defaults={"name": "Demo agent"}
        )
    teamwork.write_note(
        conversation=threads[script.PEOPLE[2].digits], author=agent, text=script.NOTE
    )
