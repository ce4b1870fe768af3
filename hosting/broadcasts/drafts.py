"""Broadcast drafts: a template, a number and a list of recipients, without excluded customers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection
from django.db.models import Count
from django.db.models.functions import Left
from django.utils.translation import gettext as _

from accounts.models import Business, User
from core import widths
from core.errors import BadInput
from core.sql import statement
from hosting.broadcasts import recipients
from hosting.cloudapi import template_shapes, templates
from hosting.cloudapi.texts import PLACEHOLDER, placeholders
from hosting.conversations import thread
from hosting.errors import CloudApiError
from hosting.models import (
    Broadcast,
    BroadcastRecipient,
    Category,
    HostedCount,
    Number,
    Template,
    TemplateStatus,
)

SAMPLES = 3
# Enough digits to find the market of a number.
PREFIX_DIGITS = 8


def create_draft(
    *,
    business: Business,
    author: User | None,
    name: str,
    number: Number,
    template: Template,
    text: str,
) -> Broadcast:
    """Create the draft of a broadcast; BadInput names what is wrong with its list or template.

    Duplicate, blocked and (for marketing) opted-out customers are counted and excluded. Nothing is
    sent before `run.start`. Call inside the business's scope.
    """
    check_template(template, number)
    max_length = max(0, template_shapes.MAX_BODY - len(PLACEHOLDER.sub("", template.body)))
    addresses = recipients.parse_list(
        text, names=placeholders(template.body), max_length=max_length
    )
    broadcast = Broadcast.objects.create(
        business=business,
        author=author,
        name=(name.strip() or template.name)[: widths.BROADCAST_NAME],
        number=number,
        template=template,
        invalid=addresses.invalid,
        invalid_count=addresses.invalid_count,
        duplicates=addresses.duplicates,
        created_at=business.now(),
    )
    _write(broadcast, addresses.found)
    _exclude_recipients(broadcast)
    return broadcast


def check_template(template: Template, number: Number) -> None:
    """Raise BadInput unless the template is approved, of this number's account, and needs only
    text.
    """
    if (
        template.account_id != number.account_id
        or template.deleted_at
        or template.status != TemplateStatus.APPROVED
    ):
        raise BadInput(_("Choose an approved template of this number's account."), field="template")
    try:
        rendered_text(template, ["x"] * len(placeholders(template.body)))
    except CloudApiError:
        reason = _(
            "This template needs a picture, file or button value for each customer: send it by API."
        )
        raise BadInput(reason, field="template") from None


def rendered_text(template: Template, variables: list[str]) -> str:
    """Return the message as a customer reads it.

    Raise CloudApiError if the variables do not fit.
    """
    return templates.rendered(
        template.components, recipient_content(template, variables).get("components") or []
    )


def recipient_content(template: Template, variables: list[str]) -> dict[str, Any]:
    """Build the Cloud API's template object for one recipient."""
    names = placeholders(template.body)
    return thread.template_content(template, dict(zip(names, variables, strict=False)))


def _write(broadcast: Broadcast, addresses: list[recipients.ListedRecipient]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "write_recipients"),
            {
                "business_id": broadcast.business_id,
                "broadcast_id": broadcast.pk,
                "rows": [one.row for one in addresses],
                "wa_ids": [one.wa_id for one in addresses],
                "variables": [orjson.dumps(one.variables).decode() for one in addresses],
            },
        )


def _exclude_recipients(broadcast: Broadcast) -> None:
    parameters = {
        "business_id": broadcast.business_id,
        "broadcast_id": broadcast.pk,
        "number_id": broadcast.number_id,
        "is_marketing": broadcast.template.category == Category.MARKETING,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "exclude_recipients"), parameters)
        broadcast.blocked, broadcast.opted_out = cursor.fetchone()
    broadcast.total = broadcast.recipients.count()
    broadcast.save(update_fields=["blocked", "opted_out", "total"])


@dataclass(frozen=True, slots=True)
class Sample:
    """The message that one recipient would get."""

    wa_id: str
    text: str


def samples(broadcast: Broadcast) -> Iterator[Sample]:
    """Yield the messages of the first recipients."""
    rows = BroadcastRecipient.objects.filter(broadcast=broadcast).order_by("row")[:SAMPLES]
    for row in rows:
        try:
            yield Sample(row.wa_id, rendered_text(broadcast.template, row.variables))
        except CloudApiError:  # the template has changed since
            yield Sample(row.wa_id, broadcast.template.body)


def open_by_prefix(broadcast: Broadcast) -> dict[str, int]:
    """Return how many recipients are still open, by the first digits of their number."""
    rows = broadcast.recipients.filter(state=BroadcastRecipient.State.OPEN).annotate(
        prefix=Left("wa_id", PREFIX_DIGITS)
    )
    return dict(rows.values_list("prefix").annotate(n=Count("id")).order_by())


def plan_messages_left(business: Business) -> int | None:
    """Return how many messages the plan still hosts this month (UTC); None without a limit."""
    limit = business.plan.hosted_messages
    if limit is None:
        return None
    month = business.now().date().replace(day=1)
    used = (
        HostedCount.objects.filter(business=business, month=month)
        .values_list("messages", flat=True)
        .first()
        or 0
    )
    return max(0, limit - used)
