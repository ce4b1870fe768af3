"""Over the plan's limit nothing is lost: what customers write is kept, locked, and readable after
an upgrade.
"""

import random
import threading
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from django.core import mail
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Plan
from accounts.plans import changes
from core import outbox
from core.models import Email
from core.tenancy import scope, system
from hosting.inbound import events
from hosting.limits import locked_messages, notices
from hosting.models import (
    Contact,
    Conversation,
    Event,
    HostedCount,
    LimitNotice,
    LockedMessage,
    Message,
    Number,
    Webhook,
    WebhookCall,
)
from hosting.search import engine
from tests.factories import make_business, make_member, make_number
from tests.hosting.messages.test_endpoints import NOON
from tests.hosting.messages.test_incoming_endpoint import webhook


def make_small(limit: int = 3) -> Number:
    with system("test"):
        Plan.objects.filter(pk="free").update(hosted_messages=limit)
    return make_number(make_business("Small", plan_id="free", clock_at=NOON))


@pytest.fixture
def number(db: None) -> Number:
    return make_small()


def text(n: int, **fields: Any) -> dict[str, Any]:
    return {
        "from": "14155550100",
        "id": f"wamid.{n}",
        "timestamp": str(int(NOON.timestamp()) + n),
        "type": "text",
        "text": {"body": f"secret{n}"},
    } | fields


def receive(number: Number, *messages: dict[str, Any]) -> None:
    with system("test"):
        events.store_event(body=webhook(number, messages=list(messages)), account_id=None)
    events.apply_due()


def said(number: Number) -> list[tuple[str, str]]:
    with system("test"):
        rows = Message.objects.filter(number=number).order_by("created_at", "id")
        return list(rows.values_list("kind", "text"))


def positions() -> list[tuple[int, str]]:
    with system("test"):
        return list(LockedMessage.objects.order_by("position").values_list("position", "text"))


def test_what_is_over_the_limit_is_kept_and_not_shown(number: Number) -> None:
    with system("test"):
        hook = Webhook.objects.create(
            business=number.business,
            account=number.account,
            url="https://shop.example/hook",
            fields=["messages"],
        )
    receive(number, *[text(n) for n in range(1, 6)])
    assert said(number) == [
        ("text", "secret1"),
        ("text", "secret2"),
        ("text", "secret3"),
        ("locked", ""),
        ("locked", ""),
    ]
    assert positions() == [(4, "secret4"), (5, "secret5")]
    with system("test"):
        first = LockedMessage.objects.earliest("position")
        assert (first.kind, first.content, first.month) == (
            "text",
            {"body": "secret4"},
            date(2026, 5, 1),
        )
        assert first.keep_until == NOON + timedelta(days=30, seconds=4)
        assert HostedCount.objects.get().messages == 5
        assert Conversation.objects.get().last_message_text == "🔒"
        bodies = [
            bytes(row.body) for row in WebhookCall.objects.filter(webhook=hook).order_by("id")
        ]
    values = [orjson.loads(body)["entry"][0]["changes"][0]["value"] for body in bodies]
    told = [one for value in values for one in value["messages"]]
    assert [one["type"] for one in told] == ["text", "text", "text", "unsupported", "unsupported"]
    assert told[3]["errors"][0]["code"] == 131042
    assert b"secret4" not in b"".join(bodies)
    with scope(number.business_id):
        assert engine.search(business=number.business, words="secret5").hits == []


def test_a_page_of_refusal_carries_the_banner_too(number: Number, client: Client) -> None:
    receive(number, *[text(n) for n in range(1, 5)])
    client.force_login(make_member(number.business, "agent"))
    refused = client.get(reverse("plan"))
    assert refused.status_code == 403
    assert "the plan&#x27;s 3 hosted messages" in refused.content.decode()


def test_a_larger_plan_shows_it_at_once_and_as_much_as_it_allows(number: Number) -> None:
    receive(number, *[text(n) for n in range(1, 7)])
    with system("test"):
        Plan.objects.filter(pk="free").update(hosted_messages=5)
        assert (locked_messages.unlock(number.business_id), locked_messages.unlock()) == (2, 0)
    assert positions() == [(6, "secret6")]
    with system("test"):
        changes.move(number.business, Plan.objects.get(pk="team"))
        assert (LockedMessage.objects.count(), Conversation.objects.get().last_message_text) == (
            0,
            "secret6",
        )
    assert said(number) == [("text", f"secret{n}") for n in range(1, 7)]
    with scope(number.business_id):
        assert [
            hit.message.text
            for hit in engine.search(business=number.business, words="secret6").hits
        ] == ["secret6"]


def test_changes_of_locked_messages_wait_with_them(number: Number) -> None:
    receive(number, *[text(n) for n in range(1, 5)])
    edit = {
        "original_message_id": "wamid.4",
        "message": {"type": "text", "text": {"body": "changed4"}},
    }
    receive(
        number,
        text(5, type="edit", edit=edit),
        text(6, type="reaction", reaction={"message_id": "wamid.1", "emoji": "👍"}),
        text(
            7,
            type="edit",
            edit={
                "original_message_id": "wamid.2",
                "message": {"type": "text", "text": {"body": "new2"}},
            },
        ),
    )
    assert said(number)[1] == ("text", "new2")
    assert [kind for kind, _ in said(number)] == [
        "text",
        "text",
        "text",
        "locked",
        "locked",
        "reaction",
        "edit",
    ]
    with system("test"):
        changes.move(number.business, Plan.objects.get(pk="team"))
    assert said(number)[3] == ("text", "changed4")


def test_what_stays_locked_goes_on_the_day_that_was_told_and_holds_stop_it(number: Number) -> None:
    receive(number, *[text(n) for n in range(1, 6)])
    with system("test"):
        LockedMessage.objects.filter(position=4).update(keep_until=NOON - timedelta(days=400))
        Contact.objects.update(held_at=NOON)
    assert locked_messages.purge_due() == 0
    with system("test"):
        Contact.objects.update(held_at=None)
    assert (locked_messages.purge_due(), locked_messages.purge_due()) == (1, 0)
    assert positions() == [(5, "secret5")]
    assert [kind for kind, _ in said(number)] == ["text", "text", "text", "locked"]


def test_what_is_locked_stays_while_no_mail_server_took_the_notice(number: Number) -> None:
    make_member(number.business)
    with system("test"):
        Plan.objects.filter(pk="free").update(hosted_messages=3)
    receive(number, *[text(n) for n in range(1, 6)])
    assert notices.send_due_notices() == 2
    with system("test"):
        LockedMessage.objects.update(keep_until=NOON - timedelta(days=400))
        (notice,) = Email.objects.all()
        assert (notice.kind, notice.state) == ("limit", "waiting")
    for state in ("waiting", "dead", "unknown"):
        with system("test"):
            Email.objects.update(state=state)
        assert locked_messages.purge_due() == 0
    with system("test"):
        outbox.send_again([notice.pk])
    assert outbox.send_due() == 1
    assert locked_messages.purge_due() == 2
    # A later notice counts as well, one of another month that was given up does not.
    with system("test"):
        assert Email.objects.businesses_without_notice(kind="limit", key_prefix="100-") == []
        Email.objects.create(
            business=number.business,
            share=number.business.pk,
            kind="limit",
            key="100-0",
            recipient="x@example.com",
            state="dead",
            created_at=notice.created_at - timedelta(days=30),
        )
        assert Email.objects.businesses_without_notice(kind="limit", key_prefix="100-") == []
        Email.objects.filter(state="dead").update(created_at=timezone.now())
        without_notice = Email.objects.businesses_without_notice(kind="limit", key_prefix="100-")
        assert without_notice == [number.business_id]


def test_deleting_a_message_deletes_what_it_said(number: Number) -> None:
    receive(number, *[text(n) for n in range(1, 6)])
    with system("test"):
        Message.objects.filter(wamid="wamid.5").delete()
    assert positions() == [(4, "secret4")]


def test_owners_hear_once_at_80_and_at_100_percent(db: None) -> None:
    number = make_small(10)
    owner = make_member(number.business)
    make_member(number.business, "agent")
    with system("test"):
        Webhook.objects.create(
            business=number.business,
            account=number.account,
            url="https://shop.example/hook",
            fields=["account_alerts"],
        )
    receive(number, *[text(n) for n in range(1, 8)])
    assert notices.send_due_notices() == 0
    receive(number, text(8))
    assert (notices.send_due_notices(), notices.send_due_notices()) == (1, 0)
    receive(number, text(9), text(10))
    assert (notices.send_due_notices(), notices.send_due_notices()) == (1, 0)
    assert outbox.send_due() == 2
    mail.outbox.sort(key=lambda one: one.subject, reverse=True)
    assert [(one.to, one.subject) for one in mail.outbox] == [
        ([owner.email], "Small: 80 % of the plan's hosted messages used"),
        ([owner.email], "Small: 100 % of the plan's hosted messages used"),
    ]
    assert mail.outbox[1].body.startswith(
        "10 of the 10 messages that the Free plan hosts in May 2026 are used."
    )
    with system("test"):
        kinds = [
            orjson.loads(bytes(body))["entry"][0]["changes"][0]["value"]["alert_info"]["alert_type"]
            for body in WebhookCall.objects.order_by("id").values_list("body", flat=True)
        ]
        assert kinds == ["HOSTED_MESSAGES_80", "HOSTED_MESSAGES_100"]
    with (
        pytest.raises(IntegrityError, match="limit_notice_once"),
        system("test"),
        transaction.atomic(),
    ):
        LimitNotice.objects.create(
            business=number.business,
            limit="hosted_messages",
            month=date(2026, 5, 1),
            percent=80,
            used=8,
            allowed=10,
        )


def test_pages_say_what_is_locked_and_until_when(number: Number) -> None:
    client = Client()
    client.force_login(make_member(number.business))
    receive(number, *[text(n) for n in range(1, 6)])
    page = client.get("/inbox/?view=locked").content.decode()
    assert "kept until 9 June 2026" in page
    tab = 'data-view="locked" aria-current="true">Locked <span class="faint tnum">1</span>'
    assert tab in " ".join(page.split())
    with system("test"):
        thread = Conversation.objects.get()
    shown = client.get(thread.get_absolute_url()).content.decode()
    assert "secret3" in shown
    assert "secret4" not in shown
    assert shown.count("A larger plan shows it at once.") == 2


def test_200_messages_at_once_lock_exactly_what_is_over(committed_db: None) -> None:
    number = make_small(50)
    receive(number, text(0))  # so that the conversation is there
    names = list(range(1, 200))
    random.shuffle(names)
    with system("test"):
        for start in range(0, 199, 10):
            body = webhook(number, messages=[text(n) for n in names[start : start + 10]])
            events.store_event(body=body, account_id=None)

    def work() -> None:
        while events.apply_due(2):
            pass
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with system("test"):
        assert (
            list(Event.objects.filter(applied_at=None).values_list("last_error", flat=True)) == []
        )
        assert HostedCount.objects.get().messages == 200
        assert Message.objects.filter(kind="text").count() == 50
        found = sorted(LockedMessage.objects.values_list("position", flat=True))
    assert found == list(range(51, 201))
