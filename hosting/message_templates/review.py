"""Template review: decisions of the network, or of an operator in its place.

Each function changes one template and writes the webhook calls about it in one transaction, and
returns the template as it is now. Call inside the business's scope or `tenancy.system`; the caller
notifies the webhook queue on commit.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.errors import ParleyError
from core.queue.sweep import for_each
from core.tenancy import system
from hosting.models import Template, TemplateStatus
from hosting.webhooks import outbox

STATUS_FIELD = "message_template_status_update"
QUALITY_FIELD = "message_template_quality_update"
QUALITIES = ("GREEN", "YELLOW", "RED", "UNKNOWN")
REASONS = (
    "ABUSIVE_CONTENT",
    "INCORRECT_CATEGORY",
    "INVALID_FORMAT",
    "PROMOTIONAL",
    "SCAM",
    "TAG_CONTENT_MISMATCH",
)
# The protocol's steps: a pause of 3 hours, one of 6, then the template is disabled.
PAUSES = (timedelta(hours=3), timedelta(hours=6))
PAUSE_TITLES = ("FIRST_PAUSE", "SECOND_PAUSE")
ALLOWED_FROM = {
    TemplateStatus.APPROVED: (
        TemplateStatus.PENDING,
        TemplateStatus.REJECTED,
        TemplateStatus.PAUSED,
    ),
    TemplateStatus.REJECTED: (TemplateStatus.PENDING, TemplateStatus.APPROVED),
    TemplateStatus.PAUSED: (TemplateStatus.APPROVED,),
    TemplateStatus.DISABLED: (
        TemplateStatus.APPROVED,
        TemplateStatus.PAUSED,
        TemplateStatus.REJECTED,
    ),
}


class ReviewRefused(ParleyError):
    """The template cannot change from its status to the other; the message names both."""

    code = "review_refused"


def may_become(template: Template, status: TemplateStatus) -> bool:
    """Whether a template may change from its status to this one."""
    return template.deleted_at is None and template.status in ALLOWED_FROM[status]


def approve(template: Template) -> Template:
    """Approve a template that is pending, rejected or paused."""
    return _change_status(
        template, TemplateStatus.APPROVED, rejected_reason="NONE", paused_until=None
    )


def reject(template: Template, *, reason: str = "INVALID_FORMAT") -> Template:
    """Reject a template that is pending or approved.

    `reason` is one of `REASONS` or free text of at most 200 characters.
    """
    if not reason.strip() or len(reason) > 200:
        raise ReviewRefused("A reason has 1 to 200 characters.")
    return _change_status(
        template, TemplateStatus.REJECTED, rejected_reason=reason, paused_until=None
    )


def pause(template: Template, *, until: datetime | None = None) -> Template:
    """Pause an approved template until that time; by default 3 hours, then 6, then disable it."""
    with transaction.atomic():
        found = _locked(template)
        if until is None and found.pauses >= len(PAUSES):
            return disable(found)
        until = until or timezone.now() + PAUSES[found.pauses]
        reported = {
            "title": PAUSE_TITLES[min(found.pauses, 1)],
            "description": f"Low quality: the template is paused until {until:%Y-%m-%d %H:%M} UTC.",
        }
        return _change_status(
            found,
            TemplateStatus.PAUSED,
            other_info=reported,
            paused_until=until,
            pauses=found.pauses + 1,
        )


def pause_for(template: Template, *, hours: int | None) -> Template:
    """Pause for a number of hours from now; None for the protocol's step."""
    return pause(template, until=timezone.now() + timedelta(hours=hours) if hours else None)


def disable(template: Template) -> Template:
    """Disable a template for good: it can neither be sent nor approved again."""
    reported = {"disable_info": {"disable_date": int(timezone.now().timestamp())}}
    return _change_status(template, TemplateStatus.DISABLED, paused_until=None, **reported)


def set_quality(template: Template, *, quality: str) -> Template:
    """Set the quality (GREEN, YELLOW, RED, UNKNOWN); an unchanged one writes no webhook call."""
    if quality not in QUALITIES:
        raise ReviewRefused(f"quality must be one of {', '.join(QUALITIES)}.")
    with transaction.atomic():
        found = _locked(template)
        before, found.quality = found.quality, quality
        if before != quality:
            found.save(update_fields=["quality"])
            value = {"previous_quality_score": before, "new_quality_score": quality} | _event_ids(
                found
            )
            outbox.write_field_calls(account=found.account, field=QUALITY_FIELD, value=value)
        return found


def resume_due() -> int:
    """Approve templates whose pause has ended; return how many."""
    with system("pauses end for every business"):
        return for_each(list(_paused_until_now().order_by("pk")), _resume)


def _paused_until_now() -> QuerySet[Template]:
    return Template.objects.live().filter(
        status=TemplateStatus.PAUSED, paused_until__lte=timezone.now()
    )


def _resume(template: Template) -> bool:
    with transaction.atomic():
        found = _paused_until_now().select_for_update().filter(pk=template.pk).first()
        if found is None:
            return False
        approve(found)
        return True


def write_status_event(template: Template, **more: Any) -> int:
    """Write webhook calls about a template's status; return how many."""
    value = {
        "event": template.status,
        **_event_ids(template),
        "reason": template.rejected_reason,
        "message_template_category": template.category.upper(),
    }
    return outbox.write_field_calls(
        account=template.account, field=STATUS_FIELD, value=value | more
    )


def _event_ids(template: Template) -> dict[str, Any]:
    return {
        "message_template_id": int(template.template_id),
        "message_template_name": template.name,
        "message_template_language": template.language,
    }


def _locked(template: Template) -> Template:
    # `of`: the account is read, not locked.
    rows: Iterable[Template] = (
        Template.objects.select_for_update(of=("self",))
        .select_related("account")
        .filter(pk=template.pk)
    )
    return next(iter(rows))


def _change_status(
    template: Template,
    status: TemplateStatus,
    *,
    other_info: dict[str, Any] | None = None,
    disable_info: dict[str, Any] | None = None,
    **changes: Any,
) -> Template:
    with transaction.atomic():
        found = _locked(template)
        if found.deleted_at is not None:
            raise ReviewRefused("The template was deleted.")
        if not may_become(found, status):
            raise ReviewRefused(f"A template that is {found.status} cannot become {status}.")
        found.status = status
        for name, value in changes.items():
            setattr(found, name, value)
        found.save(update_fields=["status", *changes])
        more = {"other_info": other_info, "disable_info": disable_info}
        write_status_event(found, **{name: value for name, value in more.items() if value})
        return found
