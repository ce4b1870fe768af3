"""The webhook outbox: calls are rows, written in the transaction of the event they are about."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from core import widths
from core.sql import statement
from hosting.cloudapi import webhooks
from hosting.cloudapi.json import storable
from hosting.cloudapi.updates import InboundMessage, StatusUpdate
from hosting.contacts.identity import user_id_for
from hosting.models import Account, Message, Number, Webhook, WebhookCall
from hosting.models.webhooks import FIELDS, OTHER_FIELDS, RETRIED_FOR

MESSAGES = "messages"
MessageStatus = tuple[Message, str]


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A new inbound message with its conversation and time."""

    number_id: int
    conversation_id: int
    message: InboundMessage
    at: datetime


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call to write: its webhook, conversation (None: no order to keep), field and body."""

    webhook: Webhook
    conversation_id: int | None
    field: str
    body: bytes


class Subscribers:
    """The active webhooks of some numbers; a number's own replace those of its account."""

    def __init__(self, number_ids: Iterable[int]) -> None:
        numbers = Number.objects.filter(pk__in=set(number_ids), account__webhooks__is_active=True)
        self.numbers = {
            number.pk: number for number in numbers.select_related("account").distinct()
        }
        accounts = {number.account_id for number in self.numbers.values()}
        self._of: dict[tuple[int, int | None], list[Webhook]] = defaultdict(list)
        if accounts:
            for webhook in Webhook.objects.filter(account__in=accounts, is_active=True).order_by(
                "id"
            ):
                self._of[webhook.account_id, webhook.number_id].append(webhook)

    def of(self, number_id: int) -> list[Webhook]:
        """Return the webhooks that get messages of this number."""
        number = self.numbers.get(number_id)
        if number is None:
            return []
        subscribed = self._of.get((number.account_id, number_id)) or self._of.get(
            (number.account_id, None), []
        )
        return [webhook for webhook in subscribed if MESSAGES in webhook.fields]


def write_message_calls(arrived: Sequence[NewMessage]) -> int:
    """Write calls about new inbound messages; return how many.

    Call in the transaction that wrote the messages.
    """
    listeners = Subscribers(row.number_id for row in arrived)
    threads: dict[tuple[int, int], list[NewMessage]] = defaultdict(list)
    for row in arrived:
        threads[row.number_id, row.conversation_id].append(row)
    calls: list[NewCall] = []
    for (number_id, conversation_id), rows in threads.items():
        for webhook in listeners.of(number_id):
            for some in _chunks(rows, webhook.updates_per_call):
                body = _messages_body(listeners.numbers[number_id], some)
                calls.append(NewCall(webhook, conversation_id, MESSAGES, body))
    return write(calls)


def write_status_calls(statuses: "dict[int, list[str]]") -> int:
    """Write calls about new statuses, given by message id; return how many."""
    found = Message.objects.filter(
        pk__in=statuses, number__account__webhooks__is_active=True
    ).distinct()
    messages = list(found.select_related("contact").defer("content", "text").order_by("id"))
    listeners = Subscribers(message.number_id for message in messages)
    threads: dict[tuple[int, int], list[MessageStatus]] = defaultdict(list)
    for message in messages:
        reported = [
            (message, status)
            for status in sorted(statuses[message.pk], key=webhooks.STATUSES.index)
        ]
        threads[message.number_id, message.conversation_id] += reported
    calls: list[NewCall] = []
    for (number_id, conversation_id), rows in threads.items():
        for webhook in listeners.of(number_id):
            for some in _chunks(rows, webhook.updates_per_call):
                body = _statuses_body(listeners.numbers[number_id], some)
                calls.append(NewCall(webhook, conversation_id, MESSAGES, body))
    return write(calls)


def write_payment_call(message: Message, update: StatusUpdate) -> int:
    """Write calls about a payment of an `order_details` message; return how many."""
    assert update.payment is not None
    listeners = Subscribers([message.number_id])
    contact = message.contact
    paid = webhooks.payment_object(
        wamid=message.wamid,
        status=update.status,
        at=update.at or timezone.now(),
        wa_id=contact.wa_id,
        payment=update.payment,
    )
    people = [
        webhooks.contact_object(contact.wa_id, contact.name, contact.user_id, contact.username)
    ]
    body = webhooks.body_of(metadata_of(message.number), contacts=people, statuses=[paid])
    return write(
        [
            NewCall(webhook, message.conversation_id, MESSAGES, body)
            for webhook in listeners.of(message.number_id)
        ]
    )


def write_field_calls(
    *, account: Account, field: str, value: dict[str, Any], number: Number | None = None
) -> int:
    """Write calls about another field, such as `message_template_status_update`; return how many.

    What is about a `number` goes to the number's own webhooks, where it has some. A field that is
    not in `FIELDS` goes to webhooks that chose OTHER_FIELDS.
    """
    own = Webhook.objects.filter(account=account, number=number, is_active=True)
    if number is not None and not own.exists():
        own = Webhook.objects.filter(account=account, number=None, is_active=True)
    subscribed = own.filter(fields__contains=[field if field in FIELDS else OTHER_FIELDS])
    change = {"field": field, "value": storable(value)}
    entry = {"id": account.waba_id, "time": int(timezone.now().timestamp()), "changes": [change]}
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
    return write(
        [
            NewCall(webhook, None, field[: widths.WEBHOOK_FIELD], body)
            for webhook in subscribed.order_by("id")
        ]
    )


def write(calls: Sequence[NewCall]) -> int:
    """Write open calls, one row each; return how many."""
    if calls:
        with connection.cursor() as cursor:
            cursor.execute(
                statement("hosting", "write_webhook_calls"),
                {
                    "business_ids": [call.webhook.business_id for call in calls],
                    "webhook_ids": [call.webhook.pk for call in calls],
                    "conversation_ids": [call.conversation_id for call in calls],
                    "fields": [call.field for call in calls],
                    "bodies": [call.body for call in calls],
                    "kept": RETRIED_FOR.total_seconds(),
                },
            )
    return len(calls)


def delay_calls(conversation_ids: Collection[int], *, seconds: int) -> None:
    """Delay untried calls of these conversations by `seconds`, or until `release_calls`."""
    _untried(conversation_ids).update(not_before=Now() + timedelta(seconds=seconds))


def release_calls(conversation_ids: Collection[int]) -> None:
    """Make delayed calls of these conversations due now."""
    _untried(conversation_ids).filter(not_before__gt=Now()).update(not_before=Now())


def _untried(conversation_ids: Collection[int]) -> QuerySet[WebhookCall]:
    return WebhookCall.objects.filter(
        conversation_id__in=conversation_ids,
        state=WebhookCall.State.OPEN,
        tries=0,
        leased_until=None,
    )


def _chunks(rows: list[Any], size: int) -> Iterable[list[Any]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def metadata_of(number: Number) -> webhooks.NumberMetadata:
    """Return the number's metadata as webhook bodies carry it."""
    return webhooks.NumberMetadata(number.account.waba_id, number.phone_number_id, number.digits)


def _messages_body(number: Number, rows: Sequence[NewMessage]) -> bytes:
    people = {row.message.author or row.message.wa_id: row.message for row in rows}
    return webhooks.body_of(
        metadata_of(number),
        contacts=[
            webhooks.contact_object(
                wa_id,
                sender.author_name or sender.name,
                sender.user_id or user_id_for(wa_id),
                sender.username,
            )
            for wa_id, sender in people.items()
        ],
        messages=[webhooks.message_object(row.message, row.at) for row in rows],
    )


def _statuses_body(number: Number, reported: "Sequence[MessageStatus]") -> bytes:
    people = {message.contact.wa_id: message.contact for message, _ in reported}
    return webhooks.body_of(
        metadata_of(number),
        contacts=[
            webhooks.contact_object(c.wa_id, c.name, c.user_id, c.username) for c in people.values()
        ],
        statuses=[_status_object(message, status) for message, status in reported],
    )


def _status_object(message: Message, status: str) -> dict[str, Any]:
    reported = webhooks.status_object(
        wamid=message.wamid,
        status=status,
        at=getattr(message, f"{status}_at"),
        wa_id=message.contact.wa_id,
        category=message.category,
        in_window=message.window_open,
        free_entry_until=message.free_entry_until,
        tracker=message.tracker,
        is_first_delivery_proof=status == "read" and message.delivered_at is None,
    )
    if status == "failed" and message.errors:
        reported["errors"] = message.errors
    return reported
