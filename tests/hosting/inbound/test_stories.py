"""Events told several times and in any order end alike; free entry windows."""

import itertools
import random
from datetime import timedelta
from typing import Any

import orjson
import pytest

from core.tenancy import system
from hosting.inbound import events
from hosting.messages.edits import reactions_to
from hosting.models import Block, Contact, Conversation, Delivery, Event, Message, Number
from tests.factories import make_business, make_number
from tests.hosting.inbound.test_events import REFERRAL, TO, message, number, take
from tests.hosting.messages.test_endpoints import NOON, caller, post, status
from tests.hosting.messages.test_incoming_endpoint import knock, webhook

# Fixtures.
__all__ = ["number"]


def end_state(number: Number) -> Any:
    """All that a reader can see, without ids and moments of our own."""
    with system("test"):
        return (
            sorted(
                Message.objects.filter(number=number).values_list(
                    "wamid",
                    "direction",
                    "kind",
                    "text",
                    "status",
                    "contact__wa_id",
                    "context_wamid",
                    "created_at",
                    "edited_at",
                    "revoked_at",
                    "sent_at",
                    "delivered_at",
                    "read_at",
                    "failed_at",
                ),
                key=str,
            ),
            sorted(
                Contact.objects.filter(business=number.business).values_list("wa_id", "user_id")
            ),
            sorted(
                Conversation.objects.filter(number=number).values_list(
                    "contact__wa_id",
                    "unread_count",
                    "last_message_at",
                    "last_inbound_at",
                    "referred_at",
                ),
                key=str,
            ),
            sorted(
                Delivery.objects.filter(number_id=number.pk).values_list(
                    "recipient", "category", "delivered_at"
                )
            ),
        )


def story(wamid: str) -> list[dict[str, Any]]:
    """Fifteen updates about two customers: every kind that changes what another one left."""
    later = iter(NOON + timedelta(minutes=n) for n in itertools.count(1))
    new = "19990001111"
    return [
        {"messages": [message("text", "wamid.a", at=next(later), text={"body": "first"})]},
        {
            "messages": [
                message(
                    "text", "wamid.b", at=next(later), text={"body": "secnd"}, referral=REFERRAL
                )
            ]
        },
        {
            "messages": [
                message(
                    "edit",
                    "wamid.b1",
                    at=next(later),
                    edit={
                        "original_message_id": "wamid.b",
                        "message": {"type": "text", "text": {"body": "second"}},
                    },
                )
            ]
        },
        {
            "messages": [
                message(
                    "edit",
                    "wamid.b2",
                    at=next(later),
                    edit={
                        "original_message_id": "wamid.b",
                        "message": {"type": "text", "text": {"body": "second!"}},
                    },
                )
            ]
        },
        {"messages": [message("text", "wamid.c", at=next(later), text={"body": "regretted"})]},
        {
            "messages": [
                message(
                    "revoke", "wamid.c1", at=next(later), revoke={"original_message_id": "wamid.c"}
                )
            ]
        },
        {
            "messages": [
                message(
                    "reaction",
                    "wamid.r1",
                    at=next(later),
                    reaction={"message_id": wamid, "emoji": "👍"},
                )
            ]
        },
        {
            "messages": [
                message(
                    "reaction",
                    "wamid.r2",
                    at=next(later),
                    reaction={"message_id": wamid, "emoji": "❤"},
                )
            ]
        },
        {
            "messages": [
                message(
                    "text", "wamid.o", at=next(later), sender=new, text={"body": "my new number"}
                )
            ]
        },
        {
            "messages": [
                message(
                    "system",
                    "wamid.s",
                    at=next(later),
                    system={"body": "A changed", "wa_id": new, "type": "user_changed_number"},
                )
            ]
        },
        {
            "messages": [
                message("text", "wamid.n", at=next(later), sender=new, text={"body": "after"})
            ]
        },
        {
            "messages": [
                message(
                    "hologram", "wamid.h", at=next(later), sender=new, hologram={"caption": "h"}
                )
            ]
        },
        {"statuses": [status(wamid, "sent", next(later))]},
        {"statuses": [status(wamid, "delivered", next(later))]},
        {"statuses": [status(wamid, "read", next(later))]},
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_story_told_three_times_in_any_order_ends_alike(db: None, seed: int) -> None:
    ends = []
    for shuffled in (False, True):
        number = make_number(make_business(clock_at=NOON), digits="15557770000")
        take(number, message("text", "wamid.0", text={"body": "hello"}))
        wamid = orjson.loads(post(caller(number), number).content)["messages"][0]["id"]
        with system("test"):
            Message.objects.filter(wamid=wamid).update(wamid="wamid.out")
        updates = story("wamid.out")
        if shuffled:
            updates = updates * 3
            random.Random(seed).shuffle(updates)
        for n, update in enumerate(updates):
            assert knock(number, webhook(number, **update) + b" " * n) == 200
            # Sometimes one by one, sometimes several in one batch.
            if (n + seed) % 3 == 0 or not shuffled:
                events.apply_due()
        while events.apply_due():
            pass
        ends.append(end_state(number))
        with system("test"):
            texts = dict(Message.objects.filter(number=number).values_list("wamid", "text"))
            assert (texts["wamid.b"], texts["wamid.c"]) == ("second!", "")
            assert [row.wa_id for row in Contact.objects.filter(business=number.business)] == [
                "19990001111"
            ]
            reactions = reactions_to(number_id=number.pk, wamids=["wamid.out"])
            assert reactions == {"wamid.out": {"in": "❤"}}
    assert ends[0] == ends[1]


def test_a_number_that_was_left_belongs_to_somebody_else_afterwards(number: Number) -> None:
    change = {"body": "A changed", "wa_id": "19990001111", "type": "user_changed_number"}
    take(
        number,
        message("text", "wamid.1", text={"body": "old"}),
        message("system", "wamid.2", at=NOON + timedelta(minutes=1), system=change),
        message(
            "text",
            "wamid.3",
            at=NOON + timedelta(minutes=2),
            text={"body": "a stranger with the old number"},
        ),
    )
    with system("test"):
        rows = Message.objects.order_by("wamid").values_list("wamid", "contact__wa_id")
        assert list(rows) == [
            ("wamid.1", "19990001111"),
            ("wamid.2", "19990001111"),
            ("wamid.3", TO),
        ]


def test_two_changes_of_number_follow_each_other_in_any_order(number: Number) -> None:
    def change(wamid: str, old: str, new: str, minute: int) -> dict[str, Any]:
        system_object = {"body": "x", "wa_id": new, "type": "user_changed_number"}
        return message(
            "system", wamid, sender=old, at=NOON + timedelta(minutes=minute), system=system_object
        )

    take(
        number,
        change("wamid.2", "19990000002", "19990000003", 2),
        change("wamid.1", TO, "19990000002", 1),
        message("text", "wamid.0", text={"body": "the first of all, late"}),
    )
    with system("test"):
        assert [row.wa_id for row in Contact.objects.all()] == ["19990000003"]
        assert Conversation.objects.get().contact.wa_id == "19990000003"


def test_the_blocked_stay_outside_and_their_events_are_kept(number: Number) -> None:
    with system("test"):
        Block.objects.create(business=number.business, number=number, wa_id=TO)
    take(number, message("text", text={"body": "let me in"}))
    with system("test"):
        assert (Message.objects.count(), Event.objects.count()) == (0, 1)


def test_nobody_edits_what_somebody_else_wrote(number: Number) -> None:
    edit = {
        "original_message_id": "wamid.1",
        "message": {"type": "text", "text": {"body": "forged"}},
    }
    take(
        number,
        message("text", text={"body": "mine"}),
        message("edit", "wamid.2", sender="19990002222", edit=edit),
    )
    with system("test"):
        row = Message.objects.get(wamid="wamid.1")
        assert (row.text, row.edited_at) == ("mine", None)


def test_a_reply_within_a_day_of_an_ad_click_opens_a_free_entry_window(number: Number) -> None:
    take(
        number,
        message(
            "text", "wamid.ad", at=NOON - timedelta(hours=2), text={"body": "ad"}, referral=REFERRAL
        ),
    )
    client = caller(number)
    wamids = [orjson.loads(post(client, number).content)["messages"][0]["id"] for _ in range(2)]
    for wamid in wamids:
        knock(number, webhook(number, statuses=[status(wamid, "delivered")]))
    events.apply_due()
    with system("test"):
        thread = Conversation.objects.get()
        assert (thread.referred_at, thread.free_entry_at) == (NOON - timedelta(hours=2), NOON)
        facts = Delivery.objects.values_list("free_entry", "free_entry_at", "accepted_at", "kind")
        assert list(facts) == [(True, NOON, NOON, "text")] * 2


@pytest.mark.parametrize(("hours", "opens"), [(23.9, True), (24, False)])
def test_a_reply_after_a_day_opens_none(number: Number, hours: float, opens: bool) -> None:
    take(
        number,
        message(
            "text",
            "wamid.ad",
            at=NOON - timedelta(hours=hours),
            text={"body": "ad"},
            referral=REFERRAL,
        ),
        message("text", "wamid.2", text={"body": "still there?"}),
    )
    assert post(caller(number), number).status_code == 200
    with system("test"):
        assert (Message.objects.get(direction="out").free_entry_at is not None) == opens


def test_the_free_entry_flag_ends_with_the_protocols_window_and_its_moment_stays(
    number: Number,
) -> None:
    opened = NOON - timedelta(hours=73)
    take(number, message("text", "wamid.2", text={"body": "hello again"}))
    with system("test"):
        Conversation.objects.update(referred_at=opened, free_entry_at=opened)
    wamid = orjson.loads(post(caller(number), number).content)["messages"][0]["id"]
    knock(number, webhook(number, statuses=[status(wamid, "read")]))
    events.apply_due()
    with system("test"):
        delivery = Delivery.objects.get()
        assert (delivery.free_entry, delivery.free_entry_at) == (False, opened)
