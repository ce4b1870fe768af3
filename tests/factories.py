"""Small factories: the rows that a test needs and does not want to talk about."""

import itertools
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client

from accounts.models import ApiKey, Business, Membership, PlanTerm, User
from billing.models import ExchangeRate
from core.tenancy import system
from hosting.models import Account, Contact, Conversation, Message, Number, Template

_count = itertools.count(1)


def make_business(name: str = "Bakery", **fields: Any) -> Business:
    """A business, by default on the unlimited plan.

    It began on 1 May 2026, its fees then, or earlier by its test clock.
    """
    fields.setdefault("plan_id", "business")
    with system("test data"):
        business = Business.objects.create(name=name, **fields)
        began = datetime(2026, 5, 1, tzinfo=ZoneInfo(business.timezone))
        PlanTerm.objects.filter(business=business).update(
            started_at=min(business.clock_at or began, began)
        )
        return business


def make_exchange_rates(currency: str = "USD", per_euro: str = "1.25") -> None:
    """What a euro is worth at the end of every month of 2025 to 2028."""
    with system("test data"):
        ExchangeRate.objects.bulk_create(
            ExchangeRate(currency=currency, per_euro=Decimal(per_euro), day=date(year, month, 28))
            for year in range(2025, 2029)
            for month in range(1, 13)
        )


def make_number(business: Business, **fields: Any) -> Number:
    """A sandbox number in an account of its own."""
    n = next(_count)
    with system("test data"):
        account = Account.objects.create(business=business, name=business.name)
        fields.setdefault("digits", f"1555{n:07}")
        return Number.objects.create(
            business=business, account=account, verified_name=business.name, **fields
        )


def make_key(business: Business, **fields: Any) -> str:
    """The text of a new API key."""
    with system("test data"):
        return ApiKey.issue(business, name="test", **fields)[1]


def make_member(
    business: Business, role: str = "owner", password: str = "correct horse battery"
) -> User:
    """A user who is a member of the business."""
    with system("test data"):
        user = User.objects.create(
            email=f"{role}{next(_count)}@example.com", password=_hashed(password)
        )
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        Membership.objects.create(business=business, user=user, role=role)
        return user


@cache
def make_client(business: Business, role: str = "owner") -> Client:
    """A browser in which a new member of the business is logged in."""
    client = Client()
    client.force_login(
        make_member(business, role), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def _hashed(password: str) -> str:
    # Argon2 is slow on purpose; once a run is enough.
    return make_password(password)


def make_template(number: Number, name: str = "order_update", **fields: Any) -> Template:
    """An approved utility template with one placeholder."""
    fields.setdefault("category", "utility")
    fields.setdefault("status", "APPROVED")
    fields.setdefault("components", [{"type": "BODY", "text": "Order {{1}} is ready"}])
    with system("test data"):
        return Template.objects.create(
            business=number.business, account=number.account, name=name, language="en_US", **fields
        )


def make_deliveries(
    business: Business,
    number: Number,
    count: int,
    *,
    to: str = "14155550100",
    category: str = "utility",
    at: datetime = datetime(2026, 5, 10, 12, tzinfo=UTC),
    window_open: bool = False,
) -> list[int]:
    """Delivered messages with their waiting Delivery rows; returns the message ids."""
    ids = make_messages(
        business,
        number,
        count,
        to=to,
        category=category,
        at=at,
        window_open=window_open,
        status="delivered",
    )
    queue_deliveries(ids)
    return ids


def make_messages(
    business: Business,
    number: Number,
    count: int,
    *,
    to: str = "14155550100",
    category: str = "utility",
    at: datetime = datetime(2026, 5, 10, 12, tzinfo=UTC),
    window_open: bool = False,
    status: str = "sent",
) -> list[int]:
    """Create outbound messages of one status and time, without queue rows; returns their ids."""
    with system("test data"):
        contact, _ = Contact.objects.get_or_create(business=business, wa_id=to)
        conversation, _ = Conversation.objects.get_or_create(
            business=business, number=number, contact=contact
        )
        messages = Message.objects.bulk_create(
            Message(
                business=business,
                number=number,
                conversation=conversation,
                contact=contact,
                direction="out",
                kind="text",
                text="x",
                category=category,
                status=status,
                created_at=at,
                window_open=window_open,
                delivered_at=at if status == "delivered" else None,
                failed_at=at if status == "failed" else None,
            )
            for _ in range(count)
        )
        return [message.pk for message in messages]


def queue_deliveries(message_ids: list[int]) -> None:
    """Write the Delivery rows of messages, as the first delivery or failure status does."""
    with system("test data"), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO hosting_delivery (message_id, business_id, number_id, recipient,
                category, window_open,
                                             free_entry, delivered_at, failed, created_at)
               SELECT m.id, m.business_id, m.number_id, c.wa_id, m.category, m.window_open, false,
                      coalesce(m.delivered_at, m.failed_at), m.delivered_at IS NULL, now()
                 FROM hosting_message m JOIN hosting_contact c ON c.id = m.contact_id
                WHERE m.id = ANY (%s) ORDER BY m.id""",
            [message_ids],
        )
