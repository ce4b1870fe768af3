"""A text or template is sent in two round trips where nothing speaks against it; it writes the same
rows as the way that all others take.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiKey
from billing.models import SpendCap
from core.tenancy import scope, system
from hosting import extensions
from hosting.cloudapi import sends
from hosting.messages import usual_sends
from hosting.models import (
    Block,
    Contact,
    Conversation,
    HostedCount,
    Message,
    Number,
    Outgoing,
)
from tests.factories import make_business, make_key, make_number, make_template

TO = "14155550100"
TEMPLATE = {
    "type": "template",
    "template": {"name": "hello", "language": {"code": "en_US"}},
}
TEXT = {"type": "text", "text": {"body": "Good\nmorning"}}


class Sender:
    """A number with a template, and a customer who wrote an hour ago by an ad."""

    def __init__(self) -> None:
        self.number = make_number(make_business())
        make_template(self.number, name="hello", components=[{"type": "BODY", "text": "Hello"}])
        self.key = make_key(self.number.business)
        assert self.post(TEMPLATE) == 200
        with system("test"):
            now = self.number.business.now()
            Conversation.objects.update(
                last_inbound_at=now - timedelta(hours=1),
                is_window_proven=True,
                referred_at=now - timedelta(hours=1),
            )

    def post(self, body: dict[str, Any], **headers: str) -> int:
        """The status of a send."""
        return (
            Client()
            .post(
                f"/v23.0/{self.number.phone_number_id}/messages",
                {"messaging_product": "whatsapp", "to": TO} | body,
                content_type="application/json",
                headers={"authorization": f"Bearer {self.key}"} | headers,
            )
            .status_code
        )


@pytest.fixture
def sender(db: None) -> Sender:
    return Sender()


def rows_of_last(number: Number) -> list[dict[str, Any]]:
    """All that a send writes, without what differs from message to message."""
    with system("test"):
        message: Any = Message.objects.order_by("-id").values()[0]
        outgoing = Outgoing.objects.filter(message_id=message["id"]).values().get()
        thread: Any = Conversation.objects.values().get(pk=message["conversation_id"])
        contact = Contact.objects.values().get(pk=message["contact_id"])
    own = {"id", "wamid", "created_at", "message_id", "queued_at", "not_before", "last_message_at"}
    entered = message["free_entry_at"] == message["created_at"]
    for row in (message, thread):
        row["free_entry_at"] = entered
    return [
        {name: value for name, value in row.items() if name not in own}
        for row in (message, outgoing, thread, contact)
    ]


@pytest.mark.parametrize(
    "body",
    [TEMPLATE, TEXT, TEXT | {"to": "+1 415 555 0100", "biz_opaque_callback_data": "x"}],
)
def test_both_ways_write_the_same(sender: Sender, body: dict[str, Any]) -> None:
    assert sender.post(body) == 200
    usual = rows_of_last(sender.number)
    with system("test"):
        Conversation.objects.update(free_entry_at=None)
    # A request with an idempotency key takes the other way.
    assert sender.post(body, **{"Idempotency-Key": "a"}) == 200
    assert rows_of_last(sender.number) == usual
    with system("test"):
        assert HostedCount.objects.get().messages == 3


def _opened(sender: Sender, to: str = TO, template: str = "hello") -> usual_sends.Opened | None:
    wanted = sends.parse(
        {"messaging_product": "whatsapp", "to": to}
        | TEMPLATE
        | {"template": {"name": template, "language": {"code": "en_US"}}}
    )
    assert isinstance(wanted, sends.SendRequest)
    key = ApiKey.read(sender.key)
    assert key is not None
    return usual_sends._open(key, sender.number.phone_number_id, to, wanted)


def test_a_new_customer_is_made_with_the_message_or_not_at_all(sender: Sender) -> None:
    with system("test"):
        plan = sender.number.business.plan
        type(plan).objects.filter(pk=plan.pk).update(hosted_messages=1)
    assert sender.post(TEMPLATE | {"to": "14155550177"}) == 402
    with system("test"):
        assert not Contact.objects.filter(wa_id="14155550177").exists()
        assert Message.objects.count() == HostedCount.objects.get().messages == 1
        type(plan).objects.filter(pk=plan.pk).update(hosted_messages=2)
    assert sender.post(TEMPLATE | {"to": "14155550177"}) == 200
    with system("test"):
        assert Contact.objects.filter(wa_id="14155550177").count() == 1


def test_what_is_not_usual_is_not_opened(sender: Sender) -> None:
    assert _opened(sender) is not None
    assert _opened(sender, template="unknown") is None
    with scope(sender.number.business_id):
        Block.objects.create(
            business=sender.number.business, number=sender.number, wa_id="14155550199"
        )
    assert _opened(sender, to="14155550199") is None
    with system("test"):
        sender.number.business.suspend("unpaid")
    assert _opened(sender) is None


def test_a_hard_cap_is_asked_for_by_the_database(sender: Sender) -> None:
    with system("test"):
        cap = SpendCap.objects.create(
            business=sender.number.business, limit_micros=1, is_hard=False, currency="USD"
        )
    assert _opened(sender) is not None
    with system("test"):
        SpendCap.objects.filter(pk=cap.pk).update(is_hard=True)
    assert _opened(sender) is None
    assert sender.post(TEMPLATE | {"to": "14155550188"}) == 402
    with system("test"):
        assert Message.objects.count() == 1


def test_a_check_that_says_nothing_of_itself_sees_every_message(sender: Sender) -> None:
    seen: list[str] = []

    def check(message: Message) -> None:
        seen.append(message.kind)

    extensions.send_checks.register(check)
    try:
        assert sender.post(TEXT) == 200
    finally:
        extensions.send_checks.unregister(check)
    assert sender.post(TEXT) == 200
    assert seen == ["text"]
