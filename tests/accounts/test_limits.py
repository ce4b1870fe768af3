"""Plans under pressure: two hundred at once at the limit minus one, and exactly one passes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.db.utils import IntegrityError
from django.test import override_settings

from accounts import team
from accounts.models import AuditEntry, Business, Invitation, Plan
from core.tenancy import scope, system
from hosting.errors import CloudApiError
from hosting.messages.send import send_message
from hosting.models import Account, HostedCount, Message, Number, Outgoing
from tests.factories import make_business, make_member, make_number, make_template

AT_ONCE = 200


@pytest.fixture
def rush(committed_db: Any) -> Iterator[Callable[[Callable[[int], Any], type[Exception]], int]]:
    """Calls something 200 times from 20 threads; returns how many were not refused."""

    def run(action: Callable[[int], Any], refusal: type[Exception]) -> int:
        def one(n: int) -> bool:
            try:
                action(n)
                return True
            except refusal:
                return False

        def lane(start: int) -> int:
            try:
                return sum(one(n) for n in range(start, AT_ONCE, 20))
            finally:
                connections.close_all()

        with ThreadPoolExecutor(20) as pool:
            return sum(pool.map(lane, range(20)))

    with override_settings(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend"):
        yield run


def test_the_last_seat_is_given_once(rush: Any) -> None:
    business = make_business(plan_id="free")  # three seats
    owner = make_member(business)
    make_member(business, "agent")

    def want(n: int) -> None:
        with scope(business.pk):
            team.invite(business=business, by=owner, email=f"p{n}@example.com", role="agent")

    assert rush(want, team.Refused) == 1
    with scope(business.pk):
        assert Invitation.objects.count() == 1
        assert AuditEntry.objects.filter(action="member.invited").count() == 1


def test_the_last_number_is_given_once(rush: Any) -> None:
    business = make_business(plan_id="free")  # one number
    with system("test"):
        account = Account.objects.create(business=business, name="A")

    def want(n: int) -> None:
        with scope(business.pk):
            Number.objects.create(
                business=business, account=account, digits=f"1555{n:07}", verified_name="A"
            )

    assert rush(want, IntegrityError) == 1
    with scope(business.pk):
        assert Number.objects.count() == 1


def test_the_last_message_is_sent_once(rush: Any) -> None:
    with system("test"):
        Plan.objects.create(
            code="tiny", name="Tiny", hosted_messages=10, max_numbers=1, max_seats=1
        )
    business = make_business(plan_id="tiny")
    number = make_number(business)
    make_template(number, components=[{"type": "BODY", "text": "Hello"}])
    month = business.now().date().replace(day=1)
    with system("test"):
        HostedCount.objects.create(business=business, month=month, messages=9)

    def want(n: int) -> None:
        with scope(business.pk):
            mine = Business.objects.select_related("plan").get()
            content = {"name": "order_update", "language": {"code": "en_US"}}
            send_message(
                business=mine, number=number, to=f"1415555{n:04}", kind="template", content=content
            )

    assert rush(want, CloudApiError) == 1
    with scope(business.pk):
        assert HostedCount.objects.get().messages == 10
        assert Message.objects.count() == 1
        assert Outgoing.objects.count() == 1
