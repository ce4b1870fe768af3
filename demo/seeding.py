"""Seeding: the demo business lives through three months by the doors that every business uses."""

import random
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from allauth.account.models import EmailAddress
from django.conf import settings
from django.utils import timezone

from accounts.models import ApiKey, Business, Membership, Role, User
from billing.invoices import close
from billing.metering import meter
from billing.payments import settlement
from core.tenancy import system
from demo import shop, story
from demo.clock import set_clock
from demo.trade import Fortnight
from hosting.broadcasts import drafts, run
from hosting.conversations import teamwork
from hosting.inbound import events
from hosting.models import Account, Conversation, Event, Handset, Number, Template, TemplateStatus
from hosting.transports import sandbox

Report = Callable[[int, int, str], None]


@dataclass
class Stage:
    """The demo business and the things its months are played with."""

    business: Business
    account: Account
    number: Number
    key: str
    phones: dict[str, Handset]
    client: httpx.Client
    rng: random.Random = field(default_factory=lambda: random.Random(7))


def exists() -> Business | None:
    """The demo business, if it has been made before."""
    with system("the demo is looked up by name"):
        return Business.objects.filter(name=story.BUSINESS).order_by("id").first()


def make_logins(business: Business) -> dict[str, dict[str, str]]:
    """One login a role with a fresh password, and an operator for the admin."""
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


def set_up(transport: httpx.BaseTransport) -> Stage:
    """Create the business with number, templates, key and simulated phones."""
    with system("a business is being founded"):
        business = Business.objects.create(
            name=story.BUSINESS, plan_id="team", country="US", timezone=story.TIMEZONE
        )
        account = Account.objects.create(
            business=business,
            name=story.BUSINESS,
            app_secret=settings.APP_SECRET,
            verify_token=settings.VERIFY_TOKEN,
        )
        number = Number.objects.create(
            business=business, account=account, digits=story.DIGITS, verified_name=story.BUSINESS
        )
        Template.objects.bulk_create(_templates(business, account))
        _, key = ApiKey.issue(business, name="Demo key")
        phones = Handset.objects.bulk_create(
            Handset(
                business=business, wa_id=person.digits, name=person.name, reads_at_once=n % 4 != 3
            )
            for n, person in enumerate(story.PEOPLE)
        )
    client = httpx.Client(
        transport=transport,
        base_url=settings.BASE_URL,
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    return Stage(business, account, number, key, {phone.wa_id: phone for phone in phones}, client)


def _templates(business: Business, account: Account) -> Iterator[Template]:
    for name, category, text, example in story.TEMPLATES:
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


def play(stage: Stage, report: Report) -> None:
    """Live through the two months before this one and this one so far, week by week, closing each month that ends."""
    now = timezone.now()
    weeks = list(_weeks(now))
    shop.open_shop(stage.business, stage.number)
    fortnight = Fortnight(stage.business, stage.number, stage.phones, now)
    for n, (start, end) in enumerate(weeks):
        report(n, len(weeks), f"week of {start:%d %B %Y}")
        _week(stage, start, end)
        fortnight.live_until(end)
        if n + 1 == len(weeks) or weeks[n + 1][0].date().replace(day=1) != start.date().replace(
            day=1
        ):
            _drain()
            _close(stage, start.date().replace(day=1), last=n + 1 == len(weeks))
    fortnight.live_until(now)
    _drain()
    _present(stage)
    report(len(weeks), len(weeks), "done")


def _weeks(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(story.TIMEZONE)
    today = now.astimezone(zone)
    month = (today.replace(day=1) - timedelta(days=32)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    while month < today:
        following = (month + timedelta(days=32)).replace(day=1)
        start = month
        while start < min(following, today):
            end = min(start + timedelta(days=8), following, today)
            # A stretch too short to answer anything in joins the present.
            if end - start > timedelta(hours=12):
                yield start, end
            start = start + timedelta(days=8)
        month = following


def _week(stage: Stage, start: datetime, end: datetime) -> None:
    people = stage.rng.sample(story.PEOPLE, k=20)
    asked = {person.digits: _moment(stage, start, end) for person in people}
    replies = {}
    for person in people:
        question, replies[person.digits] = stage.rng.choice(story.EXCHANGES)
        sandbox.write(
            handset=stage.phones[person.digits],
            number=stage.number,
            text=question,
            at=asked[person.digits],
        )
    _apply_all()
    for digits, text in replies.items():
        _send(
            stage, digits, asked[digits] + timedelta(minutes=stage.rng.randint(2, 40)), _text(text)
        )
    _drain()
    for digits in stage.rng.sample(list(asked), k=12):
        sandbox.write(
            handset=stage.phones[digits], number=stage.number, text=stage.rng.choice(story.THANKS),
            at=asked[digits] + timedelta(minutes=50),
        )  # fmt: skip
    _apply_all()
    for person in stage.rng.sample(story.PEOPLE, k=14):
        _send(stage, person.digits, _moment(stage, start, end), _shipped(stage, person))
    for person in stage.rng.sample(story.PEOPLE, k=6):
        _send(
            stage,
            person.digits,
            _moment(stage, start, end),
            _template("login_code", f"{stage.rng.randint(0, 999999):06}"),
        )
    if start.day == 1:
        launch = start + timedelta(hours=10)
        for person in story.PEOPLE:
            _send(stage, person.digits, launch, _template("new_harvest", person.name.split()[0]))
    _drain()


def _moment(stage: Stage, start: datetime, end: datetime) -> datetime:
    # An hour and a half before the end leaves time to answer, thank and be delivered.
    seconds = int((end - timedelta(minutes=100) - start).total_seconds())
    return start + timedelta(seconds=stage.rng.randrange(max(seconds, 1)))


def _text(body: str) -> dict[str, Any]:
    return {"type": "text", "text": {"body": body}}


def _shipped(stage: Stage, person: story.Person) -> dict[str, Any]:
    return _template("order_shipped", person.name.split()[0], f"L-{stage.rng.randint(1000, 9999)}")


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


def _send(stage: Stage, to: str, at: datetime, message: dict[str, Any]) -> None:
    set_clock(stage.business, at)
    response = stage.client.post(
        f"/v23.0/{stage.number.phone_number_id}/messages",
        json={"messaging_product": "whatsapp", "to": to} | message,
    )
    if response.status_code != httpx.codes.OK:
        raise RuntimeError(f"the demo's message was refused: {response.text}")


def _drain() -> None:
    """Do what the workers do, until nothing waits."""
    while sandbox.deliver_due() + _apply_all():
        pass
    while meter.meter_due():
        pass


def _apply_all() -> int:
    """Apply what came in; a worker may hold some of it, so wait until nothing is open."""
    applied = events.apply_due()
    while Event.objects.filter(applied_at=None, dead_at=None).exists():
        applied += events.apply_due()
        time.sleep(0.005)
    return applied


def _close(stage: Stage, month: date, *, last: bool) -> None:
    if last:
        return
    following = (month + timedelta(days=32)).replace(day=1)
    set_clock(stage.business, datetime(following.year, following.month, 2, 12, tzinfo=UTC))
    with system("the demo closes its month"):
        stage.business.refresh_from_db()
    invoice = close.close_period(business=stage.business, month=month)
    if invoice and invoice.number:
        # Paid in time: an unpaid month would suspend sending.
        settlement.record_transfer(
            invoice=invoice,
            amount_minor=invoice.total_minor,
            reference=f"Bank transfer for {invoice.number}",
        )


def _present(stage: Stage) -> None:
    """Back to the real clock, with customers who have just written and wait for an answer."""
    set_clock(stage.business, None)
    with system("the demo reads what the agent has seen"):
        stage.business.refresh_from_db()
        Conversation.objects.filter(business=stage.business).update(unread_count=0)
    now = timezone.now()
    for n, person in enumerate(story.PEOPLE[:4]):
        phone = stage.phones[person.digits]
        phone.business = stage.business
        sandbox.write(
            handset=phone,
            number=stage.number,
            text=story.EXCHANGES[n][0],
            at=now - timedelta(minutes=7 * n + 1),
        )
    _drain()
    with system("the demo's colleagues keep what they know"):
        _colleagues(stage)
    _broadcast(stage)


def _broadcast(stage: Stage) -> None:
    """One list written to, from pasted rows to the last tick."""
    rows = "\n".join(f"+{person.digits},{person.name.split()[0]}" for person in story.PEOPLE)
    with system("the demo sends to a list"):
        template = Template.objects.select_related("account").get(
            account=stage.account, name="new_harvest"
        )
        broadcast = drafts.create_draft(
            business=stage.business, author=User.objects.filter(email="owner@luma.example").first(),
            name=story.BROADCAST, number=stage.number, template=template, text=rows,
        )  # fmt: skip
        run.start(broadcast=broadcast)
    while run.work_due():
        pass
    _drain()


def _colleagues(stage: Stage) -> None:
    for shortcut, text in story.CANNED.items():
        teamwork.save_canned_reply(business_id=stage.business.pk, shortcut=shortcut, text=text)
    threads = {
        row.contact.wa_id: row
        for row in Conversation.objects.filter(business=stage.business).select_related(
            "contact", "business"
        )
    }
    for name, positions in story.LABELS.items():
        for person in (story.PEOPLE[position] for position in positions):
            teamwork.add_label(conversation=threads[person.digits], name=name)
    agent, _ = User.objects.get_or_create(
        email="agent@luma.example", defaults={"name": "Demo agent"}
    )
    teamwork.write_note(conversation=threads[story.PEOPLE[2].digits], author=agent, text=story.NOTE)
