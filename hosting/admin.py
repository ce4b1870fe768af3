"""Admin of hosting: what was said, without its text; and the rows that wait or gave up."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts import auditing
from accounts.backstage import HouseAdmin, HouseInline, Item, ReadOnlyAdmin, attention, figures, links
from hosting import receiving
from hosting.models import (
    Account,
    Contact,
    Conversation,
    Delivery,
    Event,
    Handset,
    HostedCount,
    Message,
    Number,
    Outgoing,
    ParkedStatus,
    Template,
)
from hosting.waiting import age_of, send_again

# A row older than this waits too long: somebody should look.
LONG_SECONDS = 60

links += [
    (_("Accounts"), "hosting_account_changelist", "business__id__exact"),
    (_("Numbers"), "hosting_number_changelist", "business__id__exact"),
    (_("Conversations"), "hosting_conversation_changelist", "business__id__exact"),
    (_("Messages"), "hosting_message_changelist", "business__id__exact"),
    (_("Templates"), "hosting_template_changelist", "business__id__exact"),
]


class NumberInline(HouseInline):
    """The numbers, on an account's page."""

    model = Number
    fields = ("verified_name", "digits", "phone_number_id", "transport")
    readonly_fields = ("phone_number_id",)
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """On the number's own page."""
        return False


@admin.register(Account)
class AccountAdmin(HouseAdmin):
    """Cloud API accounts; their secrets are never shown."""

    list_display = ("name", "waba_id", "business", "created_at")
    list_select_related = ("business",)
    search_fields = ("name", "waba_id", "business__name")
    autocomplete_fields = ("business",)
    readonly_fields = ("waba_id", "created_at")
    inlines = (NumberInline,)


@admin.register(Number)
class NumberAdmin(HouseAdmin):
    """Business phone numbers."""

    list_display = ("verified_name", "display_phone_number", "phone_number_id", "business", "transport", "created_at")
    list_select_related = ("business",)
    list_filter = ("transport", "quality_rating")
    search_fields = ("verified_name", "digits", "phone_number_id", "business__name")
    autocomplete_fields = ("business", "account")
    readonly_fields = ("phone_number_id", "created_at")


@admin.register(Template)
class TemplateAdmin(HouseAdmin):
    """Message templates, and where their review stands."""

    list_display = ("name", "language", "category", "status", "business", "created_at")
    list_select_related = ("business",)
    list_filter = ("status", "category", "language")
    search_fields = ("name", "template_id", "business__name")
    autocomplete_fields = ("business", "account")
    readonly_fields = ("template_id", "created_at")


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    """Customers of businesses."""

    list_display = ("wa_id", "name", "business", "created_at")
    list_select_related = ("business",)
    search_fields = ("wa_id__exact", "user_id__exact")
    search_help_text = _("The whole number, digits only.")
    ordering = ("-id",)


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    """Threads, without what was said in them."""

    hidden: ClassVar[tuple[str, ...]] = ("last_message_text",)
    list_display = ("contact", "number", "business", "last_message_at", "unread_count", "is_resolved")
    list_select_related = ("contact", "number", "business")
    search_fields = ("contact__wa_id__exact", "public_id__exact")
    search_help_text = _("The customer's whole number, or the thread's id.")
    ordering = ("-id",)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Messages either way, without their text."""

    hidden: ClassVar[tuple[str, ...]] = ("text", "content", "tracker")
    list_display = ("wamid", "business", "direction", "kind", "category", "status", "created_at")
    list_select_related = ("business",)
    search_fields = ("wamid__exact", "id__exact")
    search_help_text = _("The whole wamid.")
    ordering = ("-id",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """By business, from its page."""
        return lookup == "business__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Raw webhook events, without their bytes; dead ones can be run again."""

    hidden: ClassVar[tuple[str, ...]] = ("account",)
    list_display = ("id", "state", "received_at", "applied_at", "attempts", "last_error")
    list_filter = ("is_dead",)
    ordering = ("-id",)
    actions = ("rerun",)

    @display(description=_("state"), label={"applied": "success", "waiting": "info", "dead": "danger"})
    def state(self, event: Event) -> str:
        """Applied, waiting or dead."""
        return "dead" if event.is_dead else "applied" if event.applied_at else "waiting"

    def has_rerun_permission(self, request: HttpRequest) -> bool:
        """Whoever may change events."""
        return request.user.has_perm("hosting.change_event")

    @action(description=_("Run again"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        """Open dead events again; the sweep takes them within a second or two."""
        ids = list(queryset.values_list("pk", flat=True))
        count = receiving.rerun(ids)
        auditing.record(action="event.rerun", subject=f"{count} dead events", after={"ids": ids[:1000]})
        messages.success(request, _("%(count)s events run again.") % {"count": count})


@admin.register(Outgoing)
class OutgoingAdmin(ReadOnlyAdmin):
    """Messages that wait for their transport; those that gave up can be sent again."""

    list_display = ("message_id", "business", "number", "transport", "state", "attempts", "queued_at", "last_error")
    list_select_related = ("business", "number", "message")
    list_filter = ("state", "transport")
    ordering = ("-message_id",)
    actions = ("rerun",)

    def has_rerun_permission(self, request: HttpRequest) -> bool:
        """Whoever may change outgoing rows."""
        return request.user.has_perm("hosting.change_outgoing")

    @action(description=_("Send again (dead letters only)"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[Outgoing]) -> None:
        """Open dead rows again. One whose result is unknown stays: its message may have left."""
        ids = list(queryset.values_list("pk", flat=True))
        count = send_again(ids)
        auditing.record(action="outgoing.rerun", subject=f"{count} dead letters", after={"ids": ids[:1000]})
        messages.success(request, _("%(count)s messages are sent again.") % {"count": count})


@admin.register(ParkedStatus)
class ParkedStatusAdmin(ReadOnlyAdmin):
    """Statuses that came before their message."""

    list_display = ("wamid", "status", "phone_number_id", "occurred_at", "received_at")
    search_fields = ("wamid__exact", "phone_number_id__exact")
    ordering = ("-id",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Delivered and failed messages that wait to be metered."""

    list_display = ("message_id", "business_id", "category", "recipient", "delivered_at", "failed", "created_at")
    list_filter = ("category", "failed")
    search_fields = ("message_id__exact",)
    ordering = ("-id",)


@admin.register(HostedCount)
class HostedCountAdmin(ReadOnlyAdmin):
    """Messages hosted a month, which plans limit."""

    list_display = ("business_id", "month", "messages")
    list_filter = ("month",)


@admin.register(Handset)
class HandsetAdmin(HouseAdmin):
    """Simulated phones of the sandbox."""

    list_display = ("name", "wa_id", "business", "is_online", "reads_at_once")
    list_select_related = ("business",)
    list_filter = ("is_online",)
    search_fields = ("wa_id", "name")
    autocomplete_fields = ("business",)


def waiting() -> list[Item]:
    """Dead letters, and how long the oldest row of each queue has waited."""
    events = Event.objects.filter(is_dead=True).count()
    letters = Outgoing.objects.filter(state__in=[Outgoing.State.DEAD, Outgoing.State.UNKNOWN]).count()
    ages = {"events": age_of("events"), "outgoing": age_of("outgoing")}
    event_list, letter_list = reverse("admin:hosting_event_changelist"), reverse("admin:hosting_outgoing_changelist")
    return [
        Item((_("Dead webhook events")), str(events), f"{event_list}?is_dead__exact=1", is_urgent=events > 0),
        Item((_("Dead letters")), str(letters), letter_list, (_("dead or result unknown")), letters > 0),
        Item((_("Oldest event waiting")), f"{ages['events']:.0f} s", event_list,
             is_urgent=ages["events"] > LONG_SECONDS),
        Item((_("Oldest message waiting to leave")), f"{ages['outgoing']:.0f} s", letter_list,
             is_urgent=ages["outgoing"] > LONG_SECONDS),
    ]  # fmt: skip


def hosted_this_month() -> list[Item]:
    """Messages hosted this month, from the counters that plans are held to."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(messages), 0), count(*) FROM hosting_hostedcount
                WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC')::date"""
        )
        hosted, businesses = cursor.fetchone()
    return [
        Item((_("Messages hosted this month")), f"{hosted:,}", reverse("admin:hosting_hostedcount_changelist")),
        Item((_("Businesses active this month")), f"{businesses:,}"),
    ]


attention.append(waiting)
figures.append(hosted_this_month)
