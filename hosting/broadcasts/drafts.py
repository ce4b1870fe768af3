"""Listing: a template, a number and a list become the draft of a broadcast, without those who must
not get it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection
from django.db.models import Count
from django.db.models.functions import Left
from django.utils.translation import gettext as _

from accounts.models import Business, User
from core.errors import BadInput
from core.sql import statement
from hosting.broadcasts import recipients
from hosting.cloudapi import templates
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

SHOWN = 3
# Digits enough to tell the market; the longest calling code has fewer.
PREFIX = 8


def draft(
    *,
    business: Business,
    author: User | None,
    name: str,
    number: Number,
    template: Template,
    text: str,
) -> Broadcast:
    """Keep a list for review; BadInput names what is wrong with it.

    Call inside the business's scope.

    Nothing is sent before `broadcasting.start`. Doubled, blocked and (for marketing) opted-out
    customers are counted and left out.
    """
    check_template(template, number)
    room = max(0, templates.MAX_BODY - len(PLACEHOLDER.sub("", template.body)))
    addresses = recipients.read(text, names=placeholders(template.body), room=room)
    broadcast = Broadcast.objects.create(
        business=business, author=author, name=name.strip()[:120] or template.name, number=number, template=template,
        wrong=addresses.wrong, wrong_count=addresses.wrong_count, duplicates=addresses.duplicates,
        created_at=business.now(),
    )  # fmt: skip
    _write(broadcast, addresses.found)
    _leave_out(broadcast)
    return broadcast


def check_template(template: Template, number: Number) -> None:
    """BadInput for a template that is not this number's, not approved, or needs more than texts in
    its body.
    """
    if (
        template.account_id != number.account_id
        or template.deleted_at
        or template.status != TemplateStatus.APPROVED
    ):
        raise BadInput(_("Choose an approved template of this number's account."), field="template")
    try:
        filled(template, ["x"] * len(placeholders(template.body)))
    except CloudApiError:
        reason = _(
            "This template needs a picture, file or button value for each customer: send it by API."
        )
        raise BadInput(reason, field="template") from None


def filled(template: Template, variables: list[str]) -> str:
    """What a customer reads; CloudApiError where the variables do not fit."""
    return templates.rendered(
        template.components, content_for(template, variables).get("components") or []
    )


def content_for(template: Template, variables: list[str]) -> dict[str, Any]:
    """The Cloud API's template object for one recipient."""
    names = placeholders(template.body)
    return thread.template_content(template, dict(zip(names, variables, strict=False)))


def _write(broadcast: Broadcast, addresses: list[recipients.Address]) -> None:
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


def _leave_out(broadcast: Broadcast) -> None:
    parameters = {
        "business_id": broadcast.business_id,
        "broadcast_id": broadcast.pk,
        "number_id": broadcast.number_id,
        "is_marketing": broadcast.template.category == Category.MARKETING,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "leave_out_recipients"), parameters)
        broadcast.blocked, broadcast.opted_out = cursor.fetchone()
    broadcast.total = broadcast.recipients.count()
    broadcast.save(update_fields=["blocked", "opted_out", "total"])


@dataclass(frozen=True, slots=True)
class Sample:
    """What one recipient would read."""

    wa_id: str
    text: str


def samples(broadcast: Broadcast) -> Iterator[Sample]:
    """The first recipients' messages."""
    rows = BroadcastRecipient.objects.filter(broadcast=broadcast).order_by("row")[:SHOWN]
    for row in rows:
        try:
            yield Sample(row.wa_id, filled(broadcast.template, row.variables))
        except CloudApiError:  # the template has changed since
            yield Sample(row.wa_id, broadcast.template.body)


def by_prefix(broadcast: Broadcast) -> dict[str, int]:
    """How many are still to be written to, by the first digits of their number."""
    rows = broadcast.recipients.filter(state=BroadcastRecipient.State.OPEN).annotate(
        prefix=Left("wa_id", PREFIX)
    )
    return dict(rows.values_list("prefix").annotate(n=Count("id")).order_by())


def plan_room(business: Business) -> int | None:
    """How many messages the plan still hosts this month (UTC); None for a plan without a limit."""
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
