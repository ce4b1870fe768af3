"""Admin of the outbox: what was written to whom, whether it was sent, and sending it again."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from accounts.admin_site.base import EXACT_UP_TO, BusinessLink, Item
from accounts.admin_site.queues import QueueAdmin, QueueStateFilter
from accounts.audit import record
from core import outbox
from core.models import Email

BUSINESS_LINK = BusinessLink(_("E-mails"), "core_email_changelist", "business__id__exact")


def of_unknown_result() -> list[Item]:
    """Mails of which nobody knows whether they were sent."""
    count = Email.objects.filter(state=Email.State.UNKNOWN)[: EXACT_UP_TO + 1].count()
    shown = f"{EXACT_UP_TO:,}+" if count > EXACT_UP_TO else f"{count:,}"
    url = f"{reverse('admin:core_email_changelist')}?state__exact=unknown"
    return [Item(_("E-mails of unknown result"), shown, url, "", count > 0)]


@admin.register(Email)
class EmailAdmin(QueueAdmin):
    """Every mail, without its text: that holds codes and links that log in or pay."""

    hidden: ClassVar[tuple[str, ...]] = ("text", "html", "leased_by", "share")
    list_display = (
        "subject",
        "recipient",
        "business",
        "kind",
        "status",
        "attempts",
        "created_at",
        "sent_at",
        "last_error",
    )
    list_select_related = ("business",)
    list_filter = (QueueStateFilter, "state", "kind")
    search_fields = ("recipient", "subject")
    ordering = ("-id",)

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
        """The state, as a coloured label."""
        return email.state, email.get_state_display()

    @action(description=_("Send again"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        """Send the chosen ones once more; those whose text is deleted stay as they are."""
        count = 0
        for email in queryset:
            if outbox.send_again([email.pk]):
                count += 1
                record.record(action="email.sent_again", subject=email, business=email.business_id)
        messages.success(
            request,
            ngettext(
                "%(count)d e-mail will be sent again.",
                "%(count)d e-mails will be sent again.",
                count,
            )
            % {"count": count},
        )
