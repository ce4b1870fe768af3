"""Admin of businesses, plans, API keys and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts import impersonation
from accounts.admin_site.base import (
    AuditedAdmin,
    EditableInline,
    Item,
    ReadOnlyAdmin,
    ReadOnlyInline,
    business_figures,
    links_of,
)
from accounts.admin_site.confirmation import Question, ReasonForm, ask, show
from accounts.audit import record, words
from accounts.models import ApiKey, AuditEntry, Business, Membership, Plan
from accounts.plans import changes, preview, usage
from accounts.plans.preview import CONFIRMED
from core import money

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class MembershipInline(EditableInline):
    """Members on a business's page."""

    model = Membership
    fields = ("user", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)


class ApiKeyInline(ReadOnlyInline):
    """API keys on a business's page, without their hash."""

    model = ApiKey
    fields = (
        "name",
        "prefix",
        "scopes",
        "number_ids",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    verbose_name_plural = _("API keys")


class StateFilter(admin.SimpleListFilter):
    """Filter by active and suspended businesses."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Active and suspended."""
        return [("active", _("Active")), ("suspended", _("Suspended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows of the chosen state."""
        return (
            queryset.filter(suspended_at__isnull=self.value() == "active")
            if self.value()
            else queryset
        )


@admin.register(Business)
class BusinessAdmin(AuditedAdmin):
    """Businesses, with members, keys and links to their other rows."""

    list_display = ("name", "plan", "country", "currency", "state", "created_at")
    list_filter = (StateFilter, "plan", "country", "currency")
    list_select_related = ("plan",)
    search_fields = ("name",)
    ordering = ("-id",)
    autocomplete_fields = ("plan",)
    readonly_fields = ("elsewhere", "created_at", "suspended_at", "suspended_reason")
    inlines = (MembershipInline, ApiKeyInline)
    actions = ("suspend", "resume")
    actions_detail = ("enter",)
    change_form_before_template = "admin/business.html"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a business, below its `business_figures`."""
        business = self.get_object(request, object_id) if request.method == "GET" else None
        shown = [item for items in business_figures for item in items(business)] if business else []
        context = {"figures": shown} | (extra_context or {})
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    def has_enter_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the operator may view dashboards as an owner."""
        return request.user.has_perm(impersonation.PERMISSION)

    @action(description=_("View as its owner"), url_path="enter", permissions=["enter"])
    def enter(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """View the dashboard as its owner, read-only, for 30 minutes; asks for a reason."""
        business = get_object_or_404(Business, pk=object_id)

        def begin(data: dict[str, Any]) -> StrOrPromise:
            impersonation.begin(request=request, business=business, reason=data["reason"])
            return _("Nothing can be changed while you look.")

        words = _(
            "You see its pages and messages as its owner does, for 30 minutes."
            " Its owner sees that you did, and why."
        )
        question = Question(_("View as %(business)s") % {"business": business}, _("View"), words)
        return ask(request, self, question, form=ReasonForm, do=begin, back=reverse("home"))

    @display(description=_("state"), label={"active": "success", "suspended": "danger"})
    def state(self, business: Business) -> str:
        """Active or suspended."""
        return "active" if business.may_send() else "suspended"

    @display(description=_("Related"))
    def elsewhere(self, business: Business) -> str:
        """Links to the business's rows in other lists."""
        return links_of(business)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Businesses are suspended, not deleted: invoices refer to them."""
        return False

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Save, and unlock what a larger plan allows where the plan changed."""
        super().save_model(request, obj, form, change)
        if "plan" in form.changed_data:
            changes.notify_changed(obj.pk)

    @action(description=_("Suspend sending"), permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Business]) -> None:
        """Suspend sending of the selected businesses."""
        for business in queryset:
            business.suspend("by an operator")
            record.record(action="business.suspended", subject=business, business=business)
        messages.success(request, _("Sending is suspended."))

    @action(description=_("Resume sending"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Business]) -> None:
        """Resume sending of the selected businesses."""
        for business in queryset.exclude(suspended_at=None):
            before = {"reason": business.suspended_reason}
            business.resume()
            record.record(
                action="business.resumed", subject=business, business=business, before=before
            )
        messages.success(request, _("Sending is resumed."))


@admin.register(Plan)
class PlanAdmin(AuditedAdmin):
    """Plans, with the number of businesses on each."""

    list_display = (
        "name",
        "code",
        "hosted_messages",
        "grace_days",
        "days_kept",
        "max_numbers",
        "max_seats",
        "media_megabytes",
        "max_webhooks",
        "max_exports",
        "requests_per_second",
        "webhooks_per_second",
        "raw_events",
        "locked_messages",
        "monthly_fee",
        "is_public",
        "business_count",
    )
    search_fields = ("name", "code")
    readonly_fields = ("business_count",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        """Plans annotated with their number of businesses."""
        plans: QuerySet[Plan] = super().get_queryset(request)
        return plans.annotate(businesses_on_it=Count("businesses"))

    @display(description=_("monthly fee"), ordering="monthly_fee_micros")
    def monthly_fee(self, plan: Plan) -> str:
        """The fee with its currency."""
        return money.show_micros(plan.monthly_fee_micros, plan.currency)

    @display(description=_("businesses on it"), ordering="businesses_on_it")
    def business_count(self, plan: Any) -> int:
        """The number of businesses on the plan."""
        return getattr(plan, "businesses_on_it", 0)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Save, and unlock what a higher limit allows."""
        super().save_model(request, obj, form, change)
        if {"hosted_messages", "media_megabytes"} & set(form.changed_data):
            changes.notify_changed(None)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """The page; a change that affects businesses must be confirmed first."""
        if request.method == "POST" and object_id and CONFIRMED not in request.POST:
            plan = self.get_object(request, object_id)
            if plan is not None and self.has_change_permission(request, plan):
                form = self.get_form(request, plan, change=True)(request.POST, instance=plan)
                if form.is_valid() and (question := preview.question(plan, form)):
                    back = reverse("admin:accounts_plan_change", args=[object_id])
                    return show(
                        request,
                        self,
                        question,
                        form=preview.confirmed_form(request.POST),
                        back=back,
                    )
        return super().changeform_view(request, object_id, *args, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The code of an existing plan cannot change."""
        return (*self.readonly_fields, "code") if obj else self.readonly_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new plan is a draft until it is published."""
        given: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"is_public": False} | given

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The form's field; what is not published is a draft that no customer is offered."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "is_public":
            field.label, field.help_text = _("Published"), _("Offered to customers; else a draft.")
        return field


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys; operators can revoke but not create them."""

    list_display = (
        "name",
        "prefix",
        "business",
        "scopes",
        "number_ids",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    list_select_related = ("business",)
    list_filter = ("revoked_at", "expires_at")
    search_fields = ("name", "prefix", "business__name")
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether the operator may change keys."""
        return request.user.has_perm("accounts.change_apikey")

    @action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Revoke the selected keys."""
        for key in queryset.filter(revoked_at=None):
            key.revoke()
            record.record(action="key.revoked", subject=key, business=key.business_id)
        messages.success(request, _("The keys are revoked."))


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The audit log."""

    list_display = ("at", "actor_name", "done", "subject", "business", "ip")
    list_select_related = ("business",)
    search_fields = ("actor_name", "action", "subject")
    date_hierarchy = None
    ordering = ("-id",)

    @display(description=_("What"), ordering="action")
    def done(self, entry: AuditEntry) -> str:
        """The action in words."""
        return words.action(entry.action)


def suspended() -> list[Item]:
    """The number of suspended businesses, for the front page."""
    count = Business.objects.exclude(suspended_at=None).count()
    url = reverse("admin:accounts_business_changelist") + "?state=suspended"
    return [Item((_("Businesses suspended")), str(count), url, is_urgent=count > 0)]


def plan_use(business: Business) -> list[Item]:
    """What a business uses of each limit of its plan, for its page."""
    found = []
    for used in usage.usage_of(business):
        limit = used.allowed(business.plan)
        note = _("no limit") if limit is None else _("of %(limit)s") % {"limit": f"{limit:,}"}
        found.append(
            Item(
                used.name,
                f"{used.used:,}",
                note=note,
                is_urgent=limit is not None and used.used > limit,
            )
        )
    return found
