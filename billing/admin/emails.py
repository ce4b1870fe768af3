"""Outgoing e-mails of billing in the admin."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.admin_site.base import ReadOnlyAdmin
from accounts.audit import record
from billing import emails as billing_emails
from billing.models import Email


@admin.register(Email)
class EmailAdmin(ReadOnlyAdmin):
    """Outgoing e-mails and their state."""

    hidden: ClassVar[tuple[str, ...]] = ("html",)
    list_display = (
        "subject",
        "to",
        "business",
        "status",
        "attempts",
        "created_at",
        "sent_at",
        "last_error",
    )
    list_select_related = ("business",)
    list_filter = ("state",)
    search_fields = ("to", "subject")
    ordering = ("-id",)
    actions = ("send_again",)

    @display(
        description=_("state"),
        label={
            "waiting": "info",
            "sending": "info",
            "sent": "success",
            "dead": "danger",
            "unknown": "warning",
        },
    )
    def status(self, email: Email) -> tuple[str, str]:
        """State as a label."""
        return email.state, email.get_state_display()

    def has_again_permission(self, request: HttpRequest) -> bool:
        """Whether the user may change e-mails."""
        return request.user.has_perm("billing.change_email")

    @action(description=_("Send again"), permissions=["again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        """Send the selected e-mails again."""
        for email in queryset:
            billing_emails.resend(email=email)
            record.record(action="email.sent_again", subject=email, business=email.business_id)
        messages.success(request, _("The e-mails leave within a minute."))
