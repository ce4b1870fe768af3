"""Sending: a message is checked, written `accepted` with its queue row, and handed to its transport."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from accounts.models import Business, User
from accounts.statements import statement
from hosting import extensions
from hosting.cloudapi.texts import fill, parameters_of, placeholders, text_of
from hosting.contacts import user_id_for
from hosting.errors import CloudApiError
from hosting.models import Category, Conversation, Direction, Message, Number, Status, Template, TemplateStatus
from hosting.models.conversations import preview
from hosting.models.messages import new_wamid


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a message goes: the conversation as the database has it now, and the template asked for."""

    conversation: Conversation
    template: Template | None


def send_message(
    *,
    business: Business,
    number: Number,
    to: str,
    kind: str,
    content: dict[str, Any],
    context_wamid: str = "",
    tracker: str = "",
    author: User | None = None,
) -> Message:
    """Accept one message for sending; call inside the business's scope.

    `to` is digits, `content` the Cloud API's object for `kind`. Raises CloudApiError (131031 suspended, 131021 own
    number, 132001/132015/132016/132000 template, 131047 window closed, 131042 plan limit) or what a send check
    raises; nothing is written then. The caller rings the bell on commit.
    """
    if not business.may_send():
        raise CloudApiError(131031, f"Sending is suspended: {business.suspended_reason or 'ask support'}.")
    if to == number.digits:
        raise CloudApiError(131021, "to is the sender's own number.", field="to")
    now = business.now()
    thread = _open_thread(business, number, to, content if kind == "template" else {}, now)
    message = Message(
        business=business,
        conversation=thread.conversation,
        number=number,
        contact_id=thread.conversation.contact_id,
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
        window_open=thread.conversation.window_open(at=now),
    )
    if kind == "template":
        _dress_template(message, content)
    else:
        _dress_free_form(message)
    for check in extensions.send_checks:
        check(message)
    message.pk = _write(message)
    return message


def _open_thread(business: Business, number: Number, to: str, wanted: dict[str, Any], now: datetime) -> Thread:
    parameters = {
        "business_id": business.pk,
        "number_id": number.pk,
        "account_id": number.account_id,
        "wa_id": to,
        "user_id": user_id_for(to),
        "at": now,
        "template": wanted.get("name", ""),
        "language": wanted.get("language", {}).get("code", ""),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "find_conversation"), parameters)
        row = cursor.fetchone()
        if row is None:
            cursor.execute(statement("hosting", "open_conversation"), parameters)
            row = cursor.fetchone()
    conversation = Conversation(
        pk=row[0], public_id=row[1], contact_id=row[2], last_inbound_at=row[3], business=business, number=number
    )
    template = None
    if row[4] is not None:
        components = orjson.loads(row[9]) if isinstance(row[9], (str, bytes)) else row[9]
        template = Template(
            pk=row[4], name=row[5], language=row[6], category=row[7], status=row[8], components=components
        )
    return Thread(conversation, template)


def _dress_free_form(message: Message) -> None:
    if not message.window_open:
        raise CloudApiError(
            131047,
            "More than 24 hours have passed since the customer last replied: send an approved template instead.",
        )
    message.category = Category.SERVICE
    message.text = text_of(message.kind, message.content)


def _dress_template(message: Message, content: dict[str, Any]) -> None:
    template = message.template
    if template is None:
        language = content.get("language", {}).get("code", "")
        raise CloudApiError(
            132001, f"Template '{content.get('name')}' does not exist in language '{language}'.", field="template.name"
        )
    if template.status == TemplateStatus.PAUSED:
        raise CloudApiError(132015, f"Template '{template.name}' is paused.")
    if template.status == TemplateStatus.DISABLED:
        raise CloudApiError(132016, f"Template '{template.name}' is disabled.")
    if template.status != TemplateStatus.APPROVED:
        raise CloudApiError(132001, f"Template '{template.name}' is not approved (it is {template.status}).")
    given = parameters_of(content.get("components") or [], "body")
    expected = placeholders(template.body)
    if len(given) != len(expected):
        raise CloudApiError(
            132000,
            f"body: number of parameters ({len(given)}) does not match the expected number ({len(expected)}).",
            field="template.components",
        )
    message.category = template.category
    message.text = fill(template.body, given)


def _write(message: Message) -> int:
    plan = message.business.plan
    parameters = {
        "business_id": message.business_id,
        "conversation_id": message.conversation_id,
        "number_id": message.number_id,
        "contact_id": message.contact_id,
        "wamid": message.wamid,
        "kind": message.kind,
        "text": message.text,
        "content": orjson.dumps(message.content).decode(),
        "context_wamid": message.context_wamid,
        "tracker": message.tracker,
        "template_id": message.template_id,
        "category": message.category,
        "window_open": message.window_open,
        "author_id": message.author_id,
        "at": message.created_at,
        "transport": message.number.transport,
        "preview": preview(message.kind, message.text),
        "month": message.created_at.date().replace(day=1),
        "limit": plan.hosted_messages,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "accept"), parameters)
        row = cursor.fetchone()
    if row is None:
        raise CloudApiError(
            131042,
            f"Plan limit reached: the {plan.name} plan hosts {plan.hosted_messages:,} messages a month. "
            "Upgrade the plan, or wait for next month.",
        )
    return int(row[0])
