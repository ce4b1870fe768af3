"""The sandbox network: simulated phones.

What they do comes back as signed-off webhook bodies, like any network's.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import F, Max, Q, Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core.queue import AsSet, Claimed, Queue
from core.queue.work import work
from hosting.cloudapi import webhooks
from hosting.cloudapi.failures import error_of
from hosting.inbound.events import store_event
from hosting.models import (
    Direction,
    Message,
    Number,
    Outgoing,
    SimulatedPhone,
    SimulatedPhoneBlock,
    Status,
    Transport,
)
from hosting.models.messages import SANDBOX_OPEN, new_wamid

BATCH = 500
# What a phone on a good connection takes; shown times look as they do in life.
SENT_AFTER, DELIVERED_AFTER, READ_AFTER = (
    timedelta(seconds=0),
    timedelta(seconds=1),
    timedelta(seconds=20),
)
UPDATES_A_BODY = 100
# What stands under a message's type: an object, or a list of contact cards.
Content = dict[str, Any] | list[dict[str, Any]]
# What is not delivered within 30 days is dropped; a template may set less.
LONGEST_TRIED = timedelta(days=30)


def deliver_due() -> int:
    """Hand waiting sandbox messages to their phones; returns how many were claimed."""
    return work(QUEUE)


def _deliver(rows: Sequence[Claimed]) -> None:
    messages = _messages(pk__in=[row.key for row in rows])
    phones = _phones(messages)
    failing, deaf = _failing(messages, phones), _blocking(phones.values())
    _report(
        messages,
        lambda one: _reactions(one, phones[_recipient(one)], failing.get(one.pk, 0), deaf),
    )


QUEUE = Queue(
    name="sandbox",
    about="Accepted messages on their way to simulated phones.",
    model=Outgoing,
    work=AsSet(_deliver),
    is_open=SANDBOX_OPEN,
    is_dead=Q(state="dead", transport="sandbox"),
    scoped=False,
    batch=BATCH,
    on_death={"state": "'dead'"},
    on_rerun={"state": "'open'"},
    dead_title=_("Messages not delivered to simulated phones"),
)


def _messages(**which: Any) -> list[Message]:
    return list(
        Message.objects.filter(**which)
        .select_related("number__account", "contact", "business", "conversation", "template")
        .order_by("id")
    )


def _phones(messages: Sequence[Message]) -> dict[tuple[int, str], SimulatedPhone]:
    """The phone of every recipient; one that nobody has made yet appears, switched on."""
    wanted = {_recipient(message): message for message in messages}
    SimulatedPhone.objects.bulk_create(
        [
            SimulatedPhone(
                business_id=business_id, wa_id=wa_id, name=message.contact.name or f"+{wa_id}"
            )
            for (business_id, wa_id), message in sorted(wanted.items(), key=lambda item: item[0])
        ],
        ignore_conflicts=True,
    )
    found = SimulatedPhone.objects.filter(
        business_id__in={business_id for business_id, _ in wanted},
        wa_id__in={wa_id for _, wa_id in wanted},
    )
    return {(phone.business_id, phone.wa_id): phone for phone in found}


def _recipient(message: Message) -> tuple[int, str]:
    return message.business_id, message.contact.wa_id


def _failing(
    messages: Sequence[Message], phones: dict[tuple[int, str], SimulatedPhone]
) -> dict[int, int]:
    """Codes by id of the messages that are to fail: the first to each phone that asked for it,
    once.
    """
    first = {_recipient(message): message for message in reversed(messages)}
    return {
        first[recipient].pk: phone.fails_with
        for recipient, phone in phones.items()
        # Another worker may just have let a message fail with it.
        if phone.fails_with
        and recipient in first
        and SimulatedPhone.objects.filter(pk=phone.pk, fails_with=phone.fails_with).update(
            fails_with=None
        )
    }


def _blocking(phones: Iterable[SimulatedPhone]) -> set[tuple[int, int]]:
    """Phone and number of each that takes nothing from the other."""
    open_blocks = SimulatedPhoneBlock.objects.filter(
        simulated_phone__in=[phone.pk for phone in phones], ended_after=None
    )
    return set(open_blocks.values_list("simulated_phone_id", "number_id"))


class Step(NamedTuple):
    """What happens to a message on its way: a status, its moment, and the code with which it
    failed, or 0.
    """

    status: str
    at: datetime
    code: int = 0


def _reactions(
    message: Message, phone: SimulatedPhone, code: int, deaf: set[tuple[int, int]]
) -> list[Step]:
    start = (
        message.created_at
        if message.business.clock_at
        else max(message.created_at, message.business.now())
    )
    if code:
        return [Step(Status.FAILED, start + SENT_AFTER, code)]
    steps = [Step(Status.SENT, start + SENT_AFTER)]
    if phone.is_online and (phone.pk, message.number_id) not in deaf:
        steps.append(Step(Status.DELIVERED, start + DELIVERED_AFTER))
        if phone.reads_at_once:
            steps.append(Step(Status.READ, start + READ_AFTER))
    return steps


def _report(messages: Iterable[Message], steps_of: "Any") -> None:
    """Send statuses back through the webhook door, batched per number."""
    by_number: dict[int, list[tuple[Message, Step]]] = defaultdict(list)
    for message in messages:
        by_number[message.number_id].extend((message, step) for step in steps_of(message))
    for pairs in by_number.values():
        for start in range(0, len(pairs), UPDATES_A_BODY):
            _store_statuses(pairs[start : start + UPDATES_A_BODY])


def _store_statuses(pairs: Sequence[tuple[Message, Step]]) -> None:
    number = pairs[0][0].number
    people = {message.contact.wa_id: message.contact for message, _ in pairs}
    body = webhooks.body_of(
        metadata_of(number),
        contacts=[webhooks.contact_object(c.wa_id, c.name, c.user_id) for c in people.values()],
        statuses=[_status(message, step) for message, step in pairs],
    )
    store_event(body=body, account_id=number.account_id)


def _status(message: Message, step: Step) -> dict[str, Any]:
    told = webhooks.status_object(
        wamid=message.wamid,
        status=step.status,
        at=step.at,
        wa_id=message.contact.wa_id,
        category=message.category,
        in_window=message.window_open,
        free_entry_until=message.free_entry_until,
        tracker=message.tracker,
    )
    return told | ({"errors": [error_of(step.code)]} if step.code else {})


def report_payment(message: Message, *, status: str, payment: dict[str, Any]) -> None:
    """The network reports a payment of an order, made on a simulated phone."""
    contact, number = message.contact, message.number
    person = webhooks.contact_object(contact.wa_id, contact.name, contact.user_id)
    paid = webhooks.payment_object(
        wamid=message.wamid,
        status=status,
        at=message.business.now(),
        wa_id=contact.wa_id,
        payment=payment,
    )
    body = webhooks.body_of(metadata_of(number), contacts=[person], statuses=[paid])
    store_event(body=body, account_id=number.account_id)


def metadata_of(number: Number) -> webhooks.NumberMetadata:
    """A number as webhook bodies name it."""
    return webhooks.NumberMetadata(number.account.waba_id, number.phone_number_id, number.digits)


def write(
    *, simulated_phone: SimulatedPhone, number: Number, text: str, at: datetime | None = None
) -> str:
    """A customer writes a text from a simulated phone; returns the wamid.

    Arrives by the webhook door.
    """
    return send_from_phone(
        simulated_phone=simulated_phone, number=number, kind="text", content={"body": text}, at=at
    )


def send_from_phone(
    *,
    simulated_phone: SimulatedPhone,
    number: Number,
    kind: str,
    content: Content,
    at: datetime | None = None,
    context: str = "",
) -> str:
    """A customer sends a message of any kind from a simulated phone; returns the wamid."""
    from hosting.contacts.identity import user_id_for

    user_id = user_id_for(simulated_phone.wa_id)
    message: dict[str, Any] = {
        "from": simulated_phone.wa_id,
        "from_user_id": user_id,
        "id": new_wamid(),
        "timestamp": str(int((at or simulated_phone.business.now()).timestamp())),
        "type": kind,
        kind: content,
    }
    if context:
        message["context"] = {"from": number.digits, "id": context}
    body = webhooks.body_of(
        metadata_of(number),
        contacts=[webhooks.contact_object(simulated_phone.wa_id, simulated_phone.name, user_id)],
        messages=[message],
    )
    store_event(body=body, account_id=number.account_id)
    return str(message["id"])


def open_chat(*, simulated_phone: SimulatedPhone, number: Number) -> int:
    """The customer opens the chat: everything delivered to the phone is read; returns how many
    messages.
    """
    unread = _messages(
        number=number,
        contact__wa_id=simulated_phone.wa_id,
        direction=Direction.OUT,
        status=Status.DELIVERED,
    )
    now = simulated_phone.business.now()
    _report(unread, lambda _: [Step(Status.READ, now)])
    return len(unread)


def set_online(*, simulated_phone: SimulatedPhone, online: bool) -> int:
    """Switch a phone on or off; switched on, it receives what waited.

    Returns how many messages that were.
    """
    SimulatedPhone.objects.filter(pk=simulated_phone.pk).update(is_online=online)
    simulated_phone.is_online = online
    if not online:
        return 0
    waiting = _messages(
        business_id=simulated_phone.business_id,
        number__transport=Transport.SANDBOX,
        contact__wa_id=simulated_phone.wa_id,
        direction=Direction.OUT,
        status=Status.SENT,
    )
    now = simulated_phone.business.now()
    blocks = list(SimulatedPhoneBlock.objects.filter(simulated_phone=simulated_phone))
    in_time = [
        message
        for message in waiting
        if not _too_late(message, now) and not _unheard(message, blocks)
    ]
    _report(in_time, lambda _: [Step(Status.DELIVERED, now)])
    return len(in_time)


def _too_late(message: Message, now: datetime) -> bool:
    """Whether it was to be delivered by now or not at all; such a message stays `sent`, as on the
    real network.
    """
    seconds = message.template.ttl_seconds if message.template else None
    return now > message.created_at + (
        LONGEST_TRIED if seconds in (None, -1) else timedelta(seconds=seconds or 0)
    )


def _unheard(message: Message, blocks: Iterable[SimulatedPhoneBlock]) -> bool:
    """Whether it was sent while its number was blocked, or is blocked now."""
    return any(
        block.number_id == message.number_id
        and (block.ended_after is None or block.covers(message.pk))
        for block in blocks
    )


def set_blocked(*, simulated_phone: SimulatedPhone, number: Number, blocked: bool) -> None:
    """Block a number on a phone, or take it back; what was sent meanwhile never arrives.

    Twice is as once.
    """
    newest = (
        Message.objects.filter(business=simulated_phone.business_id).aggregate(newest=Max("id"))[
            "newest"
        ]
        or 0
    )
    if blocked:
        SimulatedPhoneBlock.objects.bulk_create(
            [
                SimulatedPhoneBlock(
                    business_id=simulated_phone.business_id,
                    simulated_phone=simulated_phone,
                    number=number,
                    begun_after=newest,
                )
            ],
            ignore_conflicts=True,
        )
    else:
        # What was newest when it began may have been purged since.
        ended = Greatest(F("begun_after"), Value(newest))
        SimulatedPhoneBlock.objects.filter(
            simulated_phone=simulated_phone, number=number, ended_after=None
        ).update(ended_after=ended)


def has_blocked(*, simulated_phone: SimulatedPhone, number: Number) -> bool:
    """Whether a phone takes nothing from a number now."""
    return SimulatedPhoneBlock.objects.filter(
        simulated_phone=simulated_phone, number=number, ended_after=None
    ).exists()


def can_send(*, simulated_phone: SimulatedPhone, number: Number) -> bool:
    """Whether what is written on a phone leaves it: it is on, and has not blocked the number."""
    return simulated_phone.is_online and not has_blocked(
        simulated_phone=simulated_phone, number=number
    )


def fail_next(*, simulated_phone: SimulatedPhone, code: int | None) -> None:
    """Let the next message to a phone fail with a code of `failures.FAILURES`, once; None takes it
    back.
    """
    SimulatedPhone.objects.filter(pk=simulated_phone.pk).update(fails_with=code)
    simulated_phone.fails_with = code


def numbers_of(business: Business) -> list[Number]:
    """The sandbox numbers of a business, which its simulated phones can reach."""
    return list(
        Number.objects.filter(business=business, transport=Transport.SANDBOX).select_related(
            "account"
        )
    )
