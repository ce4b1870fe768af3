"""The sandbox network: simulated phones. What they do comes back as signed-off webhook bodies, like any network's."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Business
from accounts.tenancy import system
from hosting.cloudapi import webhooks
from hosting.models import Direction, Handset, Message, Number, Outgoing, Status, Transport
from hosting.models.messages import new_wamid
from hosting.receiving import store_event

BATCH = 500
# What a phone on a good connection takes; shown times look as they do in life.
SENT_AFTER, DELIVERED_AFTER, READ_AFTER = timedelta(seconds=0), timedelta(seconds=1), timedelta(seconds=20)
UPDATES_A_BODY = 100
# What is not delivered within 30 days is dropped; a template may set less.
LONGEST_TRIED = timedelta(days=30)


def deliver_due(limit: int = BATCH) -> int:
    """Hand waiting sandbox messages to their phones, in one transaction; returns how many."""
    with system("the sandbox serves every business"):
        claimed = list(
            Outgoing.objects.filter(transport=Transport.SANDBOX, state=Outgoing.State.OPEN)
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("not_before", "message_id")
            .values_list("message_id", flat=True)[:limit]
        )
        if not claimed:
            return 0
        messages = _messages(pk__in=claimed)
        phones = _phones(messages)
        _report(messages, lambda message: _reactions(message, phones[message.business_id, message.contact.wa_id]))
        Outgoing.objects.filter(pk__in=claimed).delete()
        return len(claimed)


def _messages(**which: Any) -> list[Message]:
    return list(
        Message.objects.filter(**which)
        .select_related("number__account", "contact", "business", "conversation", "template")
        .order_by("id")
    )


def _phones(messages: Sequence[Message]) -> dict[tuple[int, str], Handset]:
    """The phone of every recipient; one that nobody has made yet appears, switched on."""
    wanted = {(message.business_id, message.contact.wa_id): message for message in messages}
    Handset.objects.bulk_create(
        [
            Handset(business_id=business_id, wa_id=wa_id, name=message.contact.name or f"+{wa_id}")
            for (business_id, wa_id), message in sorted(wanted.items(), key=lambda item: item[0])
        ],
        ignore_conflicts=True,
    )
    found = Handset.objects.filter(
        business_id__in={business_id for business_id, _ in wanted}, wa_id__in={wa_id for _, wa_id in wanted}
    )
    return {(phone.business_id, phone.wa_id): phone for phone in found}


Step = tuple[str, datetime]


def _reactions(message: Message, phone: Handset) -> list[Step]:
    start = message.created_at if message.business.clock_at else max(message.created_at, message.business.now())
    steps = [(str(Status.SENT), start + SENT_AFTER)]
    if phone.is_online:
        steps.append((Status.DELIVERED, start + DELIVERED_AFTER))
        if phone.reads_at_once:
            steps.append((Status.READ, start + READ_AFTER))
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
        line_of(number),
        contacts=[webhooks.contact_object(c.wa_id, c.name, c.user_id) for c in people.values()],
        statuses=[
            webhooks.status_object(
                wamid=message.wamid,
                status=status,
                at=at,
                wa_id=message.contact.wa_id,
                category=message.category,
                in_window=message.window_open,
                tracker=message.tracker,
            )
            for message, (status, at) in pairs
        ],
    )
    store_event(body=body, account_id=number.account_id)


def line_of(number: Number) -> webhooks.Line:
    """A number as webhook bodies name it."""
    return webhooks.Line(number.account.waba_id, number.phone_number_id, number.digits)


def write(*, handset: Handset, number: Number, text: str, at: datetime | None = None) -> str:
    """A customer writes a text from a simulated phone; returns the wamid. Arrives by the webhook door."""
    return send_from_phone(handset=handset, number=number, kind="text", content={"body": text}, at=at)


def send_from_phone(
    *,
    handset: Handset,
    number: Number,
    kind: str,
    content: dict[str, Any],
    at: datetime | None = None,
    context: str = "",
) -> str:
    """A customer sends a message of any kind from a simulated phone; returns the wamid."""
    from hosting.contacts import user_id_for

    user_id = user_id_for(handset.wa_id)
    message: dict[str, Any] = {
        "from": handset.wa_id,
        "from_user_id": user_id,
        "id": new_wamid(),
        "timestamp": str(int((at or handset.business.now()).timestamp())),
        "type": kind,
        kind: content,
    }
    if context:
        message["context"] = {"from": number.digits, "id": context}
    body = webhooks.body_of(
        line_of(number),
        contacts=[webhooks.contact_object(handset.wa_id, handset.name, user_id)],
        messages=[message],
    )
    store_event(body=body, account_id=number.account_id)
    return str(message["id"])


def open_chat(*, handset: Handset, number: Number) -> int:
    """The customer opens the chat: everything delivered to the phone is read; returns how many messages."""
    unread = _messages(number=number, contact__wa_id=handset.wa_id, direction=Direction.OUT, status=Status.DELIVERED)
    now = handset.business.now()
    _report(unread, lambda _: [(str(Status.READ), now)])
    return len(unread)


def set_online(*, handset: Handset, online: bool) -> int:
    """Switch a phone on or off; switched on, it receives what waited. Returns how many messages that were."""
    Handset.objects.filter(pk=handset.pk).update(is_online=online)
    handset.is_online = online
    if not online:
        return 0
    waiting = _messages(
        business_id=handset.business_id,
        number__transport=Transport.SANDBOX,
        contact__wa_id=handset.wa_id,
        direction=Direction.OUT,
        status=Status.SENT,
    )
    now = handset.business.now()
    in_time = [message for message in waiting if not _too_late(message, now)]
    _report(in_time, lambda _: [(str(Status.DELIVERED), now)])
    return len(in_time)


def _too_late(message: Message, now: datetime) -> bool:
    """Whether it was to be delivered by now or not at all; such a message stays `sent`, as on the real network."""
    seconds = message.template.ttl_seconds if message.template else None
    return now > message.created_at + (LONGEST_TRIED if seconds in (None, -1) else timedelta(seconds=seconds or 0))


def numbers_of(business: Business) -> list[Number]:
    """The sandbox numbers of a business, which its simulated phones can reach."""
    return list(Number.objects.filter(business=business, transport=Transport.SANDBOX).select_related("account"))
