"""Sending: check a message, store it as `accepted` with its queue row for the transport."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from accounts.models import Business, User
from core.sql import fetch_prepared, statement
from hosting import extensions
from hosting.cloudapi import sends, templates
from hosting.cloudapi.files import check_kind
from hosting.cloudapi.number_forms import one_form
from hosting.cloudapi.texts import text_of
from hosting.contacts.identity import user_id_for
from hosting.errors import CloudApiError
from hosting.flows import references
from hosting.media.store import media_of
from hosting.messages import order_states
from hosting.models import (
    Category,
    Contact,
    Conversation,
    Direction,
    Message,
    Number,
    Outgoing,
    Status,
    Template,
    TemplateStatus,
    Transport,
)
from hosting.models.conversations import preview
from hosting.models.messages import new_wamid


@dataclass(frozen=True, slots=True)
class Thread:
    """The conversation a message goes to, with its block state and the template asked for."""

    conversation: Conversation
    is_blocked: bool
    template: Template | None


def send_message(
    *,
    business: Business,
    number: Number,
    to: str,
    kind: str,
    content: dict[str, Any],
    user_id: str = "",
    context_wamid: str = "",
    tracker: str = "",
    author: User | None = None,
    is_broadcast: bool = False,
) -> Message:
    """Accept one message for sending and return it; call inside the business's scope.

    `to` is the recipient's digits in any form (empty when `user_id` names the customer), `content`
    the Cloud API's object for `kind`. Raises CloudApiError, and stores nothing: 131031, 131021,
    133010 (see `_check_sender`), 130403 blocked, 1320xx template, 131047 window closed, 131009 or
    131053 media, 131042 plan limit, or what a send check raises. The caller notifies the queue.
    """
    _check_sender(business, number, to)
    written, to = to, one_form(to)
    now = business.now()
    to = to or _wa_id_of(business, user_id)
    thread = _open_thread(business, number, to, user_id, content if kind == "template" else {}, now)
    talk = thread.conversation
    message = Message(
        business=business,
        conversation=talk,
        number=number,
        contact_id=talk.contact_id,
        recipient=_dialled(talk.contact, written),
        wamid=new_wamid(),
        direction=Direction.OUT,
        kind=kind,
        content=content,
        context_wamid=context_wamid,
        tracker=tracker,
        template=thread.template,
        author=author,
        status=Status.ACCEPTED,
        created_at=now,
        # The network itself refuses free-form messages outside of the window; templates it takes.
        window_open=talk.window_proven(at=now) if kind == "template" else talk.window_open(at=now),
        free_entry_at=talk.free_entry(at=now),
    )
    _check(message, thread)
    while not _write(message, is_broadcast=is_broadcast):
        # Its thread was merged into another one meanwhile.
        _reopen(message, to, user_id, written)
    return message


def _check_sender(business: Business, number: Number, to: str) -> None:
    """Raise CloudApiError where the business or the number may not send, or not to `to`."""
    if not business.may_send():
        reason = business.suspended_reason or "ask support"
        raise CloudApiError(131031, f"Sending is suspended: {reason}.")
    if to and not to.isdecimal() and not sends.USER_ID.fullmatch(to):
        raise CloudApiError(131009, "What is written to a group is read here only.", field="to")
    if to and one_form(to) == one_form(number.digits):
        raise CloudApiError(131021, "to is the sender's own number.", field="to")
    if not number.is_registered:
        raise CloudApiError(133010, "The number is not registered: call its register edge first.")


def _check(message: Message, thread: Thread) -> None:
    """Raise CloudApiError for what may not be sent; set fields that follow from the content."""
    _check_recipient(message, thread)
    if message.kind == "template":
        _set_template_fields(message, message.content)
    else:
        _set_free_form_fields(message)
    references.check(message)
    order_states.check(message)
    message.has_links = _check_media(message)
    for check in extensions.send_checks:
        check(message)


def _reopen(message: Message, to: str, user_id: str, written: str) -> None:
    thread = _open_thread(message.business, message.number, to, user_id, {}, message.created_at)
    message.conversation = thread.conversation
    message.recipient = _dialled(thread.conversation.contact, written)


def _dialled(contact: Contact, written: str) -> str:
    """Return the digits to send to: the form that the network has the number in, or else the one
    that the caller wrote; "" for a user id, whose number comes later.
    """
    known = contact.wa_id
    if not (known.isascii() and known.isdecimal()):
        return ""
    return contact.network_wa_id or (written if one_form(written) == known else known)


class OpenedConversation(NamedTuple):
    """The columns of `open_conversation.sql`; those of the template are None without one."""

    id: int
    public_id: UUID
    contact_id: int
    last_inbound_at: datetime | None
    is_window_proven: bool
    referred_at: datetime | None
    free_entry_at: datetime | None
    wa_id: str
    network_wa_id: str | None
    is_blocked: bool
    template_id: int | None
    template_name: str
    language: str
    category: str
    status: str
    components: Any


def _open_thread(
    business: Business, number: Number, to: str, user_id: str, wanted: dict[str, Any], now: datetime
) -> Thread:
    parameters = {
        "business_id": business.pk,
        "number_id": number.pk,
        "account_id": number.account_id,
        "wa_id": to,
        "user_id": user_id or user_id_for(to),
        "at": now,
        "template": wanted.get("name", ""),
        "language": wanted.get("language", {}).get("code", ""),
    }
    found = fetch_prepared(statement("hosting", "open_conversation"), parameters)
    assert found is not None
    row = OpenedConversation(*found)
    conversation = Conversation(
        pk=row.id,
        public_id=row.public_id,
        contact_id=row.contact_id,
        last_inbound_at=row.last_inbound_at,
        is_window_proven=row.is_window_proven,
        referred_at=row.referred_at,
        free_entry_at=row.free_entry_at,
        business=business,
        number=number,
    )
    conversation.contact = Contact(
        pk=row.contact_id,
        business=business,
        wa_id=row.wa_id,
        network_wa_id=row.network_wa_id or "",
    )
    return Thread(conversation, is_blocked=row.is_blocked, template=_template(row))


def _template(row: OpenedConversation) -> Template | None:
    if row.template_id is None:
        return None
    components = row.components
    return Template(
        pk=row.template_id,
        name=row.template_name,
        language=row.language,
        category=row.category,
        status=row.status,
        components=orjson.loads(components) if isinstance(components, str | bytes) else components,
    )


def _wa_id_of(business: Business, user_id: str) -> str:
    """Return the digits of the customer with that user id, or the user id itself when none is
    known.
    """
    known = (
        Contact.objects.filter(business=business, user_id=user_id)
        .order_by("id")
        .values_list("wa_id", flat=True)
    )
    return known.first() or user_id


def _check_recipient(message: Message, thread: Thread) -> None:
    if thread.is_blocked:
        raise CloudApiError(130403, "This customer is on the number's block list.", field="to")
    if message.kind == "reaction" and message.number.transport == Transport.SANDBOX:
        target = Message.objects.filter(
            conversation=thread.conversation, wamid=message.context_wamid
        )
        if not target.exclude(kind="reaction").exists():
            raise CloudApiError(
                131009,
                "reaction.message_id names no message of this conversation.",
                field="reaction.message_id",
            )


def _check_media(message: Message) -> bool:
    """Raise CloudApiError for media that is missing or of the wrong kind.

    Returns whether the message has links that are still to be fetched.
    """
    held = list(sends.media_of(message.kind, message.content))
    ids = {str(one["id"]) for _, one in held if "id" in one}
    found = media_of(business_id=message.business_id, media_ids=ids)
    for kind, one in held:
        if "id" in one:
            media = found.get(str(one["id"]))
            if media is None:
                raise CloudApiError(
                    131009, f"{kind}.id names no uploaded media of yours.", field=f"{kind}.id"
                )
            if not media.is_ready:
                raise CloudApiError(
                    131053, f"{kind}.id names a file that is still on its way.", field=f"{kind}.id"
                )
            check_kind(kind, media.mime_type, f"{kind}.id")
    return any("id" not in one for _, one in held)


def _set_free_form_fields(message: Message) -> None:
    if not message.window_open:
        raise CloudApiError(
            131047,
            "More than 24 hours have passed since the customer last replied: "
            "send an approved template instead.",
        )
    message.category = Category.SERVICE
    message.text = text_of(message.kind, message.content)


def _set_template_fields(message: Message, content: dict[str, Any]) -> None:
    template = message.template
    if template is None:
        language = content.get("language", {}).get("code", "")
        raise CloudApiError(
            132001,
            f"Template '{content.get('name')}' does not exist in language '{language}'.",
            field="template.name",
        )
    if template.status == TemplateStatus.PAUSED:
        raise CloudApiError(132015, f"Template '{template.name}' is paused.")
    if template.status == TemplateStatus.DISABLED:
        raise CloudApiError(132016, f"Template '{template.name}' is disabled.")
    if template.status != TemplateStatus.APPROVED:
        raise CloudApiError(
            132001, f"Template '{template.name}' is not approved (it is {template.status})."
        )
    message.text = templates.rendered(template.components, content.get("components") or [])
    message.category = template.category


class Accepted(NamedTuple):
    """The columns of `accept.sql`: the message's id, None over the plan's limit, and the contact of
    its thread, None where there is no such thread any more.
    """

    id: int | None
    contact_id: int | None


def _write(message: Message, *, is_broadcast: bool) -> bool:
    """Write the message into its thread; return False if there is no such thread any more."""
    plan = message.business.plan
    parameters: dict[str, Any] = {
        "business_id": message.business_id,
        "conversation_id": message.conversation_id,
        "number_id": message.number_id,
        "recipient": message.recipient,
        "wamid": message.wamid,
        "kind": message.kind,
        "text": message.text,
        "content": orjson.dumps(message.content).decode(),
        "context_wamid": message.context_wamid,
        "tracker": message.tracker,
        "template_id": message.template_id,
        "category": message.category,
        "window_open": message.window_open,
        "free_entry_at": message.free_entry_at,
        "author_id": message.author_id,
        "at": message.created_at,
        "transport": message.number.transport,
        "state": Outgoing.State.FETCHING if message.has_links else Outgoing.State.OPEN,
        "is_broadcast": is_broadcast,
        "preview": preview(message.kind, message.text),
        "month": message.created_at.date().replace(day=1),
        "limit": plan.hosted_messages,
    }
    found = fetch_prepared(statement("hosting", "accept"), parameters)
    assert found is not None
    row = Accepted(*found)
    if row.contact_id is None:
        return False
    if row.id is None:
        raise CloudApiError(
            131042,
            f"Plan limit reached: the {plan.name} plan hosts {plan.hosted_messages:,} messages "
            "a month. "
            "Upgrade the plan, or wait for next month.",
        )
    message.pk, message.contact_id = row.id, row.contact_id
    return True
