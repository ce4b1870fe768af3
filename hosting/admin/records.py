"""Records of hosting in the admin: accounts, numbers, customers, messages without text."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.admin_site.base import (
    AuditedAdmin,
    BusinessLink,
    EditableInline,
    Item,
    ReadOnlyAdmin,
    hidden_of,
)
from accounts.admin_site.confirmation import Question, ReasonForm, ask
from accounts.admin_site.texts import TextAdmin
from accounts.audit import record
from hosting.models import (
    Account,
    BroadcastRecipient,
    Contact,
    Conversation,
    Delivery,
    HostedCount,
    LockedMessage,
    Message,
    Number,
    RejectedSend,
    SimulatedPhone,
)
from hosting.numbers import sandbox_clock

BUSINESS_LINKS = (
    BusinessLink(_("Accounts"), "hosting_account_changelist", "business__id__exact"),
    BusinessLink(_("Numbers"), "hosting_number_changelist", "business__id__exact"),
    BusinessLink(_("Conversations"), "hosting_conversation_changelist", "business__id__exact"),
    BusinessLink(_("Messages"), "hosting_message_changelist", "business__id__exact"),
    BusinessLink(_("Templates"), "hosting_template_changelist", "business__id__exact"),
)


class NumberInline(EditableInline):
    """Numbers of an account."""

    model = Number
    fields = ("verified_name", "digits", "phone_number_id", "transport")
    readonly_fields = ("phone_number_id",)
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: numbers are added on their own page."""
        return False


@admin.register(Account)
class AccountAdmin(AuditedAdmin):
    """Cloud API accounts; their secrets are never shown."""

    list_display = ("name", "waba_id", "business", "created_at")
    list_select_related = ("business",)
    search_fields = ("name", "waba_id", "business__name")
    autocomplete_fields = ("business",)
    readonly_fields = ("waba_id", "created_at")
    inlines = (NumberInline,)


@admin.register(Number)
class NumberAdmin(AuditedAdmin):
    """Business phone numbers."""

    list_display = (
        "verified_name",
        "display_phone_number",
        "phone_number_id",
        "business",
        "transport",
        "created_at",
    )
    list_select_related = ("business",)
    list_filter = ("transport", "is_test", "quality_rating")
    search_fields = ("verified_name", "digits", "phone_number_id", "business__name")
    autocomplete_fields = ("business", "account")
    readonly_fields = ("phone_number_id", "is_test", "created_at")
    actions_detail = ("make_live",)
    applies: ClassVar = {"make_live": lambda number: number.is_test}

    def has_live_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change numbers."""
        return request.user.has_perm("hosting.change_number")

    @action(description=_("Make live"), url_path="make-live", permissions=["live"])
    def make_live(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make a test number live; asks for a reason."""
        number = get_object_or_404(Number, pk=object_id)

        def switch(data: dict[str, Any]) -> Any:
            sandbox_clock.make_live(number=number)
            record.record(
                action="number.made_live",
                subject=number,
                business=number.business_id,
                before={"is_test": True},
                after={"is_test": False, "reason": data["reason"]},
            )
            return _("%(number)s is live.") % {"number": number.display_phone_number}

        words = _("From now on what it sends is invoiced and owed. What it sent so far is not.")
        question = Question(_("Make the number live"), _("Make live"), words, is_danger=True)
        back = reverse("admin:hosting_number_change", args=[number.pk])
        return ask(request, self, question, form=ReasonForm, do=switch, back=back)


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
    """Conversations, without text."""

    list_display = (
        "contact",
        "number",
        "business",
        "last_message_at",
        "unread_count",
        "is_resolved",
    )
    list_select_related = ("contact", "number", "business")
    search_fields = ("contact__wa_id__exact", "public_id__exact")
    search_help_text = _("The customer's whole number, or the thread's id.")
    ordering = ("-id",)


@admin.register(Message)
class MessageAdmin(TextAdmin):
    """Messages, without text."""

    list_display = ("wamid", "business", "direction", "kind", "category", "status", "created_at")
    list_select_related = ("business",)
    search_fields = ("wamid__exact", "id__exact")
    search_help_text = _("The whole wamid.")
    ordering = ("-id",)


class MessageCopyAdmin(TextAdmin):
    """Rows with a copy of message text, which is opened with a reason."""

    ordering = ("-pk",)

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """Return the first columns without hidden ones."""
        return [
            field.name
            for field in self.model._meta.fields
            if field.name not in hidden_of(self.model, self.hidden)
        ][:6]


admin.site.register([LockedMessage, RejectedSend, BroadcastRecipient], MessageCopyAdmin)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Delivered and failed messages waiting to be metered."""

    list_display = (
        "message_id",
        "business_id",
        "category",
        "recipient",
        "delivered_at",
        "failed",
        "created_at",
    )
    list_filter = ("category", "failed")
    search_fields = ("message_id__exact",)
    ordering = ("-id",)


@admin.register(HostedCount)
class HostedCountAdmin(ReadOnlyAdmin):
    """Monthly counts of hosted messages, which plans limit."""

    list_display = ("business_id", "month", "messages")
    list_filter = ("month",)


@admin.register(SimulatedPhone)
class SimulatedPhoneAdmin(AuditedAdmin):
    """Simulated phones of the sandbox."""

    personal = ("name", "wa_id")
    list_display = ("name", "wa_id", "business", "is_online", "reads_at_once")
    list_select_related = ("business",)
    list_filter = ("is_online",)
    search_fields = ("wa_id", "name")
    autocomplete_fields = ("business",)


def hosted_this_month() -> list[Item]:
    """Return figures of messages hosted this month, from the counters that plans are checked by."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(messages), 0), count(*) FROM hosting_hostedcount
                WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC')::date"""
        )
        hosted, businesses = cursor.fetchone()
    return [
        Item(
            (_("Messages hosted this month")),
            f"{hosted:,}",
            reverse("admin:hosting_hostedcount_changelist"),
        ),
        Item((_("Businesses active this month")), f"{businesses:,}"),
    ]


def over_the_plan() -> list[Item]:
    """Return the number of businesses over their plan's hosted messages this month."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(DISTINCT h.business_id) FROM hosting_hostedcount h
                 JOIN accounts_business b ON b.id = h.business_id
                 JOIN accounts_plan p ON p.code = b.plan_id
                WHERE h.month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
                  AND h.messages > p.hosted_messages"""
        )
        over = cursor.fetchone()[0]
    return [
        Item(
            _("Businesses over their plan"),
            str(over),
            reverse("admin:hosting_hostedcount_changelist"),
            _("this month"),
            over > 0,
        )
    ]
