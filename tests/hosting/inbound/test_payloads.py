"""Every sample and every kind of the protocol in one pile: told once in order, or three times in
any order, it ends alike.
"""

import random
from datetime import timedelta
from typing import Any

import orjson

from core.tenancy import system
from hosting.inbound import events
from hosting.models import (
    Contact,
    Conversation,
    Delivery,
    Event,
    FormerNumber,
    Message,
    Number,
    ParkedStatus,
)
from tests.factories import make_business, make_number
from tests.hosting.inbound.test_events import KINDS, SAMPLES, message, readdressed, take
from tests.hosting.messages.test_endpoints import NOON, caller, post, status
from tests.hosting.messages.test_incoming_endpoint import knock, webhook

ERRORS = [{"code": 131026, "title": "Message undeliverable", "message": "Message undeliverable"}]
OTHER_FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("account_update", {"event": "VERIFIED_ACCOUNT"}),
    ("message_template_quality_update", {"new_quality_score": "RED", "message_template_id": 1}),
    ("phone_number_quality_update", {"event": "FLAGGED", "current_limit": "TIER_10K"}),
    ("messages", {"errors": ERRORS}),
    ("user_preferences", {"user_preferences": [{"wa_id": "16505551234", "value": "stop"}]}),
    ("a_field_of_next_year", {"deep": [{"er": None}]}),
]


def person(wa_id: str, name: str, **more: Any) -> dict[str, Any]:
    profile = {"name": name} | ({"username": more.pop("username")} if "username" in more else {})
    return {"profile": profile, "wa_id": wa_id} | more


def from_people(number: Number, messages: list[dict[str, Any]], *people: dict[str, Any]) -> bytes:
    """A body that says who they are."""
    body = orjson.loads(webhook(number, messages=messages))
    body["entry"][0]["changes"][0]["value"]["contacts"] = list(people)
    return orjson.dumps(body)


def field_body(number: Number, field: str, value: dict[str, Any]) -> bytes:
    entry = {
        "id": number.account.waba_id,
        "time": 1743451903,
        "changes": [{"field": field, "value": value}],
    }
    return orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})


def pile(number: Number, wamids: list[str]) -> list[bytes]:
    """All samples, all kinds from a customer each, profiles that change, all statuses, and fields
    of other objects.
    """
    bodies = [readdressed(raw, number, name) for name, raw in SAMPLES.items()]
    for n, (kind, members, _) in enumerate(KINDS):
        one = message(
            kind, f"wamid.k{n}", sender=f"1650555{n:04}", at=NOON + timedelta(minutes=n), **members
        )
        bodies.append(webhook(number, messages=[one]))
    for n, (name, user, user_id) in enumerate(
        [
            ("Ann", "@ann", "US.1"),
            ("Anna", "@anna", "US.1"),
            ("Anna B.", "", "US.2"),
            ("Ann", "@ann", "US.2"),
        ]
    ):
        text = message(
            "text",
            f"wamid.p{n}",
            sender="4915111",
            at=NOON + timedelta(hours=n),
            text={"body": str(n)},
        )
        who = person("4915111", name, user_id=user_id, **({"username": user} if user else {}))
        bodies.append(from_people(number, [text], who))
    nameless = message("text", "wamid.u", text={"body": "no number"}, from_user_id="DE.77") | {
        "from": ""
    }
    bodies.append(webhook(number, messages=[nameless]))
    numbered = message(
        "text",
        "wamid.v",
        sender="4915222",
        at=NOON + timedelta(minutes=1),
        text={"body": "a number"},
        from_user_id="DE.77",
    )
    bodies.append(webhook(number, messages=[numbered]))
    steps = (
        ["sent", "delivered", "read"],
        ["sent", "failed"],
        ["failed", "delivered"],
        ["read"],
        ["played"],
    )
    for wamid, kinds in zip([*wamids, "wamid.nobody"], steps, strict=True):
        for n, kind in enumerate(kinds, 1):
            more = {"errors": ERRORS} if kind == "failed" else {}
            bodies.append(
                webhook(number, statuses=[status(wamid, kind, NOON + timedelta(seconds=n), **more)])
            )
    return bodies + [field_body(number, field, value) for field, value in OTHER_FIELDS]


def dump(number: Number) -> dict[str, list[Any]]:
    """All that a reader can see of messages, statuses, conversations and contacts, but for ids and
    moments of our own.
    """
    with system("test"):
        rows = {
            "messages": Message.objects.filter(number=number).values_list(
                "wamid",
                "direction",
                "kind",
                "text",
                "content",
                "context_wamid",
                "status",
                "errors",
                "contact__wa_id",
                "category",
                "window_open",
                "created_at",
                "sent_at",
                "delivered_at",
                "read_at",
                "failed_at",
                "edited_at",
                "revoked_at",
            ),
            "contacts": Contact.objects.filter(business=number.business).values_list(
                "wa_id", "user_id", "name", "username"
            ),
            "conversations": Conversation.objects.filter(number=number).values_list(
                "contact__wa_id",
                "unread_count",
                "last_message_at",
                "last_message_text",
                "last_inbound_at",
                "referred_at",
                "free_entry_at",
                "is_resolved",
            ),
            "deliveries": Delivery.objects.filter(number_id=number.pk).values_list(
                "recipient", "category", "kind", "window_open", "failed", "delivered_at"
            ),
            "parked": ParkedStatus.objects.filter(
                phone_number_id=number.phone_number_id
            ).values_list("wamid", "status", "occurred_at", "errors"),
            "former": FormerNumber.objects.filter(
                business=number.business, changed_at__isnull=False
            ).values_list("wa_id", "changed_at", "contact__wa_id"),
        }
        own = number.phone_number_id.encode()
        return {
            name: sorted((plain(row, own) for row in found), key=str)
            for name, found in rows.items()
        }


def plain(row: tuple[Any, ...], own: bytes) -> tuple[Any, ...]:
    """The row with our number's own id, which samples name as well, made the same for every
    number.
    """
    return tuple(
        orjson.loads(orjson.dumps(value).replace(own, b"1122334455667"))
        if isinstance(value, dict)
        else value
        for value in row
    )


def told(seed: int | None) -> dict[str, list[Any]]:
    """The end of the story on a number of its own; with a seed doubled and shuffled, in batches of
    any size.
    """
    number = make_number(make_business(clock_at=NOON), digits="15557770000")
    take(number, message("text", "wamid.0", text={"body": "hello"}))
    for n in range(4):
        assert post(caller(number), number).status_code == 200, n
    with system("test"):
        sent = list(Message.objects.filter(number=number, direction="out").order_by("id"))
        for n, row in enumerate(sent):
            Message.objects.filter(pk=row.pk).update(wamid=f"wamid.out{n}")
    bodies = pile(number, [f"wamid.out{n}" for n in range(4)])
    if seed is not None:
        bodies = [body + b" " * n for n in range(2) for body in bodies]
        random.Random(seed).shuffle(bodies)
    for n, body in enumerate(bodies):
        assert knock(number, body) == 200
        if seed is None or n % (seed * 7 + 5) == 0:
            events.apply_due()
    while events.apply_due():
        pass
    with system("test"):
        assert not Event.objects.filter(applied_at=None).exists()
        assert not Event.objects.exclude(dead_at=None).exists()
    return dump(number)


def test_the_pile_told_once_leaves_what_it_says(db: None) -> None:
    end = told(None)
    assert [len(rows) for rows in end.values()] == [45, 28, 28, 4, 5, 1]
    assert ("4915111", "US.2", "Ann", "@ann") in end["contacts"]
    assert ("4915222", "DE.77") in [row[:2] for row in end["contacts"]]
    assert ("wamid.nobody", "read", NOON + timedelta(seconds=1), None) in end["parked"]
    kinds = {row[2] for row in end["messages"]}
    assert {"hologram", "unsupported", "unknown", "order", "system", "reaction"} <= kinds


def test_doubled_and_shuffled_three_times_the_pile_ends_exactly_alike(db: None) -> None:
    once = told(None)
    for seed in range(3):
        often = told(seed)
        for name, rows in once.items():
            assert often[name] == rows, (seed, name)
