"""Queues of hosting in the admin: what waits, what gave up and why, and letting it try again."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.admin_site.base import Item, QueueAdmin, ReadOnlyAdmin, given_up
from core.wake import notify
from hosting import tasks
from hosting.inbound import events, upstream_media
from hosting.models import Event, MediaFetch, Outgoing, Receipt, WebhookCall
from hosting.queue_health import age_of, send_again
from hosting.transports import cloudapi
from hosting.webhooks import delivery

# A row older than this waits too long: somebody should look.
LONG_SECONDS = 60


@admin.register(Event)
class EventAdmin(QueueAdmin):
    """Raw webhook events, without their bytes; dead ones can be run again."""

    hidden: ClassVar[tuple[str, ...]] = ("account",)
    list_display = ("id", "state", "received_at", "applied_at", "attempts", "last_error")
    list_filter = ("is_dead",)
    ordering = ("-id",)
    actions = ("rerun",)

    @display(
        description=_("state"), label={"applied": "success", "waiting": "info", "dead": "danger"}
    )
    def state(self, event: Event) -> str:
        """Applied, waiting or dead."""
        return "dead" if event.is_dead else "applied" if event.applied_at else "waiting"

    @action(description=_("Run again"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        """Open dead events again; the sweep takes them within a second or two."""
        count = self.again(request, queryset, verb=events.rerun)
        messages.success(request, _("%(count)s events run again.") % {"count": count})


@admin.register(Outgoing)
class OutgoingAdmin(QueueAdmin):
    """Messages that wait for their transport; those that gave up, or whose answer was lost, wait for a person."""

    list_display = (
        "message_id",
        "business",
        "number",
        "transport",
        "state",
        "attempts",
        "queued_at",
        "last_error",
    )
    list_select_related = ("business", "number", "message")
    list_filter = ("state", "transport")
    search_fields = ("message__wamid__exact",)
    search_help_text = _("The whole wamid.")
    ordering = ("-message_id",)
    actions = ("rerun", "never_left", "give_up")

    @action(description=_("Send again (dead letters only)"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[Outgoing]) -> None:
        """Open dead rows again. One whose result is unknown stays: its message may have left."""
        count = self.again(request, queryset, verb=send_again)
        messages.success(request, _("%(count)s messages are sent again.") % {"count": count})

    @action(
        description=_("Send again (result unknown: I know that it never left)"),
        permissions=["rerun"],
    )
    def never_left(self, request: HttpRequest, queryset: QuerySet[Outgoing]) -> None:
        """Send rows whose result is unknown once more. Only a person can know that the upstream has not got them."""
        count = self.again(request, queryset, verb=cloudapi.send_again, action="never_left")
        messages.success(request, _("%(count)s messages are sent again.") % {"count": count})

    @action(description=_("Give up (result unknown: report as failed)"), permissions=["rerun"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[Outgoing]) -> None:
        """Report rows whose result is unknown as failed; the business hears it by webhook."""
        count = self.again(request, queryset, verb=cloudapi.give_up, action="given_up")
        messages.success(
            request, _("%(count)s messages are reported as failed.") % {"count": count}
        )


@admin.register(MediaFetch)
class MediaFetchAdmin(QueueAdmin):
    """Customers' files that are still at their upstream; those that gave up can be asked for again."""

    list_display = (
        "media",
        "business",
        "number",
        "upstream_id",
        "state",
        "attempts",
        "created_at",
        "last_error",
    )
    list_select_related = ("media", "business", "number")
    list_filter = ("is_dead",)
    search_fields = ("upstream_id__exact", "media__media_id__exact")
    search_help_text = _("The whole id, here or at the upstream.")
    ordering = ("-media_id",)
    actions = ("rerun",)

    @display(description=_("state"), label={"waiting": "info", "dead": "danger"})
    def state(self, row: MediaFetch) -> str:
        """Waiting or dead."""
        return "dead" if row.is_dead else "waiting"

    @action(description=_("Ask again"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[MediaFetch]) -> None:
        """Ask again for files that were given up; an upstream keeps them for some days."""
        count = self.again(request, queryset, verb=upstream_media.rerun)
        messages.success(request, _("%(count)s files are asked for again.") % {"count": count})


@admin.register(WebhookCall)
class WebhookCallAdmin(QueueAdmin):
    """Calls to businesses' webhooks, without what they say; those given up can be made again."""

    hidden: ClassVar[tuple[str, ...]] = ("replay_of", "conversation_id")
    list_display = (
        "public_id", "business", "webhook", "field", "state", "attempts", "response_status", "tried_at", "last_error",
    )  # fmt: skip
    list_select_related = ("business", "webhook")
    list_filter = ("state",)
    search_fields = ("public_id__exact",)
    search_help_text = _("The whole id, as Parley-Signature names it.")
    ordering = ("-id",)
    actions = ("rerun",)

    @action(description=_("Call again (given up only)"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[WebhookCall]) -> None:
        """Open dead calls again, with seven new days."""
        count = self.again(request, queryset, verb=delivery.rerun, key="public_id")
        notify(tasks.call)
        messages.success(request, _("%(count)s calls are made again.") % {"count": count})


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    """Read receipts on their way to an upstream; tried five times, then forgotten."""

    list_display = ("wamid", "business", "number", "attempts", "not_before", "created_at")
    list_select_related = ("business", "number")
    ordering = ("-id",)


def waiting() -> list[Item]:
    """What gave up, and how long the oldest row of each queue has waited."""
    unsettled = [Outgoing.State.DEAD, Outgoing.State.UNKNOWN]
    gave_up = (
        (_("Dead webhook events"), Event.objects.filter(is_dead=True), "is_dead__exact=1", ""),
        (
            _("Dead letters"),
            Outgoing.objects.filter(state__in=unsettled),
            "",
            _("dead or result unknown"),
        ),
        (_("Files not fetched"), MediaFetch.objects.filter(is_dead=True), "is_dead__exact=1", ""),
        (
            _("Webhook calls given up"),
            WebhookCall.objects.filter(state="dead"),
            "state__exact=dead",
            _("in 30 days"),
        ),
    )
    # Receivers of others that fail are theirs to mend: shown, not urgent.
    found = [given_up(*one, is_urgent=one[1].model is not WebhookCall) for one in gave_up]
    for title, queue, model in (
        (_("Oldest event waiting"), "events", Event),
        (_("Oldest message waiting to leave"), "outgoing", Outgoing),
    ):
        age = age_of(queue)
        found.append(Item(title, f"{age:.0f} s", _list_of(model), is_urgent=age > LONG_SECONDS))
    return found


def _list_of(model: type[Model]) -> str:
    return reverse(f"admin:hosting_{model._meta.model_name}_changelist")
