"""Template review in the admin: approve, reject, pause, disable, rate, each with a reason."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.admin_site.base import AuditedAdmin
from accounts.admin_site.confirmation import Question, ReasonForm, StyledForm, Table, ask
from accounts.audit import record
from core.wake import notify
from hosting import tasks
from hosting.message_templates import review
from hosting.models import Template, TemplateStatus

OTHER = "OTHER"


class RejectForm(ReasonForm):
    """A reason of the protocol or free text, shown to the business."""

    code = forms.ChoiceField(
        label=_("Reason shown to the business"),
        choices=[*((reason, reason) for reason in review.REASONS), (OTHER, _("The words below"))],
    )
    field_order = ("code", "reason")


class PauseForm(ReasonForm):
    """The hours of a pause; empty for the protocol's step."""

    hours = forms.IntegerField(
        label=_("Hours"),
        required=False,
        min_value=1,
        max_value=24 * 365,
        help_text=_("Empty: 3 hours the first time, 6 the second, then it is disabled."),
    )


class QualityForm(ReasonForm):
    """The quality rating."""

    quality = forms.ChoiceField(
        label=_("Quality"), choices=[(one, one) for one in review.QUALITIES]
    )
    field_order = ("quality", "reason")


@admin.register(Template)
class TemplateAdmin(AuditedAdmin):
    """Message templates and their review.

    The status changes by the review functions only, so that webhooks report each change.
    """

    list_display = ("name", "language", "category", "status", "quality", "business", "created_at")
    list_select_related = ("business",)
    list_filter = ("status", "category", "quality", "language")
    search_fields = ("name", "template_id", "business__name")
    autocomplete_fields = ("business", "account")
    readonly_fields = (
        "template_id", "upstream_id", "status", "quality", "rejected_reason", "paused_until",
        "pauses", "deleted_at", "edited_at", "created_at",
    )  # fmt: skip
    actions_detail = (
        {"title": _("Review"), "items": ["approve", "reject", "pause", "disable", "rate"]},
    )

    applies: ClassVar = {
        "approve": lambda row: review.may_become(row, TemplateStatus.APPROVED),
        "reject": lambda row: review.may_become(row, TemplateStatus.REJECTED),
        "pause": lambda row: review.may_become(row, TemplateStatus.PAUSED),
        "disable": lambda row: review.may_become(row, TemplateStatus.DISABLED),
    }

    def has_review_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow whoever may change templates."""
        return request.user.has_perm("hosting.change_template")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: messages refer to templates, which the business deletes softly."""
        return False

    @action(description=_("Approve"), url_path="approve", permissions=["review"])
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approve it, which ends a pause."""
        return self._decide(
            request, object_id, "approved", ReasonForm, lambda row, _data: review.approve(row)
        )

    @action(description=_("Reject"), url_path="reject", permissions=["review"])
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Reject it with a reason for the business."""

        def do(row: Template, data: dict[str, Any]) -> Template:
            return review.reject(
                row, reason=data["reason"] if data["code"] == OTHER else data["code"]
            )

        return self._decide(request, object_id, "rejected", RejectForm, do)

    @action(description=_("Pause"), url_path="pause", permissions=["review"])
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Pause it for some hours."""
        return self._decide(
            request,
            object_id,
            "paused",
            PauseForm,
            lambda row, data: review.pause_for(row, hours=data["hours"]),
        )

    @action(description=_("Disable"), url_path="disable", permissions=["review"])
    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Disable it for good."""
        return self._decide(
            request, object_id, "disabled", ReasonForm, lambda row, _data: review.disable(row)
        )

    @action(description=_("Set quality"), url_path="rate", permissions=["review"])
    def rate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Set its quality."""
        return self._decide(
            request,
            object_id,
            "rated",
            QualityForm,
            lambda row, data: review.set_quality(row, quality=data["quality"]),
        )

    def _decide(
        self, request: HttpRequest, object_id: str, verb: str, form: type[StyledForm],
        decide: Callable[[Template, dict[str, Any]], Template],
    ) -> HttpResponse:  # fmt: skip
        template = get_object_or_404(Template, pk=object_id)
        titles = {
            "approved": _("Approve"),
            "rejected": _("Reject"),
            "paused": _("Pause"),
            "disabled": _("Disable"),
            "rated": _("Set quality"),
        }
        title = titles[verb]

        def do(data: dict[str, Any]) -> str:
            before = _review_state(template)
            found = decide(template, data)
            record.record(
                action=f"template.{verb}",
                subject=template,
                business=template.business_id,
                before=before,
                after=_review_state(found) | {"reason": data["reason"]},
            )
            notify(tasks.call)
            return _("%(template)s is now %(status)s, quality %(quality)s.") % {
                "template": found,
                "status": found.get_status_display(),
                "quality": found.quality,
            }

        words = _("The business is notified by webhook, if it subscribes to templates.")
        question = Question(
            f"{title}: {template}", title, words, [_contents(template)], verb == "disabled"
        )
        back = reverse("admin:hosting_template_change", args=[template.pk])
        return ask(request, self, question, form=form, do=do, back=back)


def _review_state(template: Template) -> dict[str, Any]:
    return {
        "status": template.status,
        "quality": template.quality,
        "rejected_reason": template.rejected_reason,
    }


def _contents(template: Template) -> Table:
    """Return a table of its components."""
    rows = [
        (
            str(part.get("type", "")).upper(),
            part.get("text") or part.get("format") or _buttons(part),
        )
        for part in template.components
    ]
    now = _("%(category)s, %(status)s, quality %(quality)s") % {
        "category": template.get_category_display(),
        "status": template.get_status_display(),
        "quality": template.quality,
    }
    return Table(now, (_("Part"), _("Text")), rows)


def _buttons(part: dict[str, Any]) -> str:
    found = part.get("buttons")
    return ", ".join(str(one.get("text", "")) for one in found) if isinstance(found, list) else ""
