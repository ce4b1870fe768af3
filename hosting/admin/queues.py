"""Queues of hosting in the admin: what waits, what was given up and why, and running it again."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action

from accounts.admin_site.base import Item, given_up
from accounts.admin_site.queues import QueueAdmin, QueueStateFilter
from hosting import tasks
from hosting.models import (
    Broadcast,
    ChatExport,
    ChatImport,
    Erasure,
    Event,
    LimitNotice,
    MediaFetch,
    Outgoing,
    ParkedStatus,
    Receipt,
    TemplateSync,
    WebhookCall,
)
from hosting.transports import cloudapi


@admin.register(Event)
class EventAdmin(QueueAdmin):
    """Raw webhook events, without their bytes; dead letters can be run again."""

    task = tasks.apply
    hidden: ClassVar[tuple[str, ...]] = ("account", "leased_by")
    list_display = ("id", "queue_state", "received_at", "applied_at", "attempts", "last_error")


@admin.register(ParkedStatus)
class ParkedStatusAdmin(QueueAdmin):
    """Statuses that came before their message; they wait until it is there."""

    task = tasks.sweep
    list_display = (
        "wamid",
        "queue_state",
        "status",
        "phone_number_id",
        "occurred_at",
        "received_at",
        "last_error",
    )
    search_fields = ("wamid__exact", "phone_number_id__exact")


@admin.register(Outgoing)
class OutgoingAdmin(QueueAdmin):
    """Messages that wait for their transport.

    Dead letters, and those whose result is unknown, wait for an operator.
    """

    task = tasks.deliver
    list_display = (
        "message_id",
        "business",
        "number",
        "transport",
        "state",
        "queue_state",
        "attempts",
        "queued_at",
        "last_error",
    )
    list_select_related = ("business", "number", "message")
    list_filter = (QueueStateFilter, "state", "transport")
    search_fields = ("message__wamid__exact",)
    search_help_text = _("The whole wamid.")
    actions = ("rerun", "never_left", "give_up")

    @action(
        description=_("Send again (result unknown: I know that it never left)"),
        permissions=["rerun"],
    )
    def never_left(self, request: HttpRequest, queryset: QuerySet[Outgoing]) -> None:
        """Send rows whose result is unknown once more.

        Only a person can know that the upstream has not got them.
        """
        count = self.act(request, queryset, do=cloudapi.send_again, name="never_left")
        messages.success(
            request,
            ngettext(
                "%(count)s message is sent again.", "%(count)s messages are sent again.", count
            )
            % {"count": count},
        )

    @action(description=_("Give up (result unknown: report as failed)"), permissions=["rerun"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[Outgoing]) -> None:
        """Report rows whose result is unknown as failed, to the business's webhooks too."""
        count = self.act(request, queryset, do=cloudapi.give_up, name="given_up")
        messages.success(
            request,
            ngettext(
                "%(count)s message is reported as failed.",
                "%(count)s messages are reported as failed.",
                count,
            )
            % {"count": count},
        )


@admin.register(MediaFetch)
class MediaFetchAdmin(QueueAdmin):
    """Files of customers that are still at their upstream, which keeps them for some days."""

    task = tasks.sweep
    list_display = (
        "media",
        "business",
        "number",
        "upstream_id",
        "queue_state",
        "attempts",
        "created_at",
        "last_error",
    )
    list_select_related = ("media", "business", "number")
    search_fields = ("upstream_id__exact", "media__media_id__exact")
    search_help_text = _("The whole id, here or at the upstream.")


@admin.register(WebhookCall)
class WebhookCallAdmin(QueueAdmin):
    """Calls to businesses' webhooks, without what they say; a rerun has seven new days."""

    task = tasks.call
    hidden: ClassVar[tuple[str, ...]] = ("replay_of", "conversation_id", "leased_by")
    list_display = (
        "public_id",
        "business",
        "webhook",
        "field",
        "state",
        "tries",
        "response_status",
        "tried_at",
        "last_error",
    )
    list_select_related = ("business", "webhook")
    list_filter = (QueueStateFilter, "state")
    search_fields = ("public_id__exact",)
    search_help_text = _("The whole id, as Parley-Signature names it.")


@admin.register(Receipt)
class ReceiptAdmin(QueueAdmin):
    """Read receipts on their way to an upstream."""

    task = tasks.deliver
    list_display = (
        "wamid",
        "business",
        "number",
        "queue_state",
        "attempts",
        "not_before",
        "created_at",
        "last_error",
    )
    list_select_related = ("business", "number")


@admin.register(TemplateSync)
class TemplateSyncAdmin(QueueAdmin):
    """Networks whose templates are to be read; where that failed, the last error says why."""

    task = tasks.synchronise
    list_display = (
        "upstream",
        "business",
        "queue_state",
        "attempts",
        "not_before",
        "requested_at",
        "last_error",
    )
    list_select_related = ("business", "upstream")


@admin.register(LimitNotice)
class LimitNoticeAdmin(QueueAdmin):
    """Notices that a plan's limit is reached, for owners and webhooks."""

    task = tasks.tidy
    list_display = (
        "id",
        "business",
        "limit",
        "month",
        "percent",
        "queue_state",
        "notified_at",
        "last_error",
    )
    list_select_related = ("business",)
    list_filter = (QueueStateFilter, "limit")


@admin.register(Erasure)
class ErasureAdmin(QueueAdmin):
    """Customers to be forgotten, without who they are; rows that are done keep the hashes."""

    task = tasks.forget
    hidden: ClassVar[tuple[str, ...]] = ("digests", "leased_by")
    list_display = (
        "id",
        "business",
        "queue_state",
        "requested_at",
        "done_at",
        "attempts",
        "last_error",
    )
    list_select_related = ("business",)


class JobAdmin(QueueAdmin):
    """Imports and exports: how far each came; one that was given up goes on where it stopped."""

    hidden: ClassVar[tuple[str, ...]] = (
        "path",
        "preview",
        "answers",
        "refused",
        "position",
        "leased_by",
    )
    list_select_related: Any = ("business",)
    list_filter = (QueueStateFilter, "state")
    search_fields = ("business__name",)


@admin.register(ChatImport)
class ChatImportAdmin(JobAdmin):
    """Imports of past conversations."""

    task = tasks.move_history
    list_display = (
        "id",
        "business",
        "state",
        "total",
        "processed",
        "added",
        "created_at",
        "attempts",
        "last_error",
    )


@admin.register(ChatExport)
class ChatExportAdmin(JobAdmin):
    """Exports of conversations."""

    task = tasks.move_history
    list_display = (
        "id",
        "business",
        "format",
        "state",
        "total",
        "processed",
        "created_at",
        "attempts",
        "last_error",
    )


@admin.register(Broadcast)
class BroadcastAdmin(QueueAdmin):
    """Broadcasts: how far each came."""

    task = tasks.broadcast
    list_display = (
        "id",
        "business",
        "name",
        "state",
        "total",
        "sent",
        "failed",
        "skipped",
        "attempts",
        "last_error",
    )
    list_select_related = ("business",)
    list_filter = (QueueStateFilter, "state")
    search_fields = ("business__name",)


def unknown_results() -> list[Item]:
    """Messages that may have been sent: an operator decides."""
    rows = Outgoing.objects.filter(state=Outgoing.State.UNKNOWN)
    title = _("Messages whose result is unknown")
    return [given_up(title, rows, "state__exact=unknown", "", is_urgent=True)]
