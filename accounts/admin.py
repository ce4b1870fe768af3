"""Admin of accounts: who, on which plan, with which keys; and what was changed by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import auditing, planning, viewing
from accounts.asking import Question, ReasonForm, ask
from accounts.backstage import HouseAdmin, HouseInline, Item, ReadOnlyAdmin, ReadOnlyInline, attention, business_links
from accounts.models import ApiKey, AuditEntry, Business, Heartbeat, Membership, Plan, User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FOREIGN = (Group, EmailAddress, Authenticator, UserSession, AccessAttempt, AccessLog, AccessFailureLog)
for model in FOREIGN:
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class MembershipInline(HouseInline):
    """The members, on a business's page."""

    model = Membership
    fields = ("user", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)


class ApiKeyInline(ReadOnlyInline):
    """The keys, on a business's page: never their text or hash."""

    model = ApiKey
    fields = ("name", "prefix", "scopes", "number_ids", "created_at", "expires_at", "revoked_at", "last_used_at")
    verbose_name_plural = _("API keys")


class StateFilter(admin.SimpleListFilter):
    """Businesses that may send, and those that may not."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The two states."""
        return [("active", _("Active")), ("suspended", _("Suspended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows of the chosen state."""
        return queryset.filter(suspended_at__isnull=self.value() == "active") if self.value() else queryset


@admin.register(Business)
class BusinessAdmin(HouseAdmin):
    """Businesses, with members, keys and the way to everything else of theirs."""

    list_display = ("name", "plan", "country", "currency", "state", "created_at")
    list_filter = (StateFilter, "plan", "country", "currency")
    list_select_related = ("plan",)
    search_fields = ("name",)
    autocomplete_fields = ("plan",)
    readonly_fields = ("elsewhere", "created_at", "suspended_at", "suspended_reason")
    inlines = (MembershipInline, ApiKeyInline)
    actions = ("suspend", "resume")
    actions_detail = ("enter",)

    def has_enter_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Support, as it is shipped."""
        return request.user.has_perm(viewing.PERMISSION)

    @action(description=_("View as its owner"), url_path="enter", permissions=["enter"])
    def enter(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the dashboard for half an hour, read-only; the reason is in the business's own audit log."""
        business = get_object_or_404(Business, pk=object_id)

        def begin(data: dict[str, Any]) -> StrOrPromise:
            viewing.begin(request=request, business=business, reason=data["reason"])
            return _("Nothing can be changed while you look.")

        words = _(
            "You see its pages and messages as its owner does, for 30 minutes. Its owner sees that you did, and why."
        )
        question = Question(_("View as %(business)s") % {"business": business}, _("View"), words)
        return ask(request, self, question, form=ReasonForm, do=begin, back=reverse("home"))

    @display(description=_("state"), label={"active": "success", "suspended": "danger"})
    def state(self, business: Business) -> str:
        """Active or suspended."""
        return "active" if business.may_send() else "suspended"

    @display(description=_("Elsewhere"))
    def elsewhere(self, business: Business) -> str:
        """Links to this business's rows in other lists."""
        return business_links(business)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A business is history; it is suspended, not deleted."""
        return False

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """A larger plan shows at once what the old one locked."""
        super().save_model(request, obj, form, change)
        if "plan" in form.changed_data:
            planning.tell(obj.pk)

    @action(description=_("Suspend sending"), permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Business]) -> None:
        """Stop sending; reading stays."""
        for business in queryset:
            business.suspend("by an operator")
            auditing.record(action="business.suspended", subject=business, business=business)
        messages.success(request, _("Sending is suspended."))

    @action(description=_("Resume sending"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Business]) -> None:
        """Lift suspensions."""
        for business in queryset.exclude(suspended_at=None):
            before = {"reason": business.suspended_reason}
            business.resume()
            auditing.record(action="business.resumed", subject=business, business=business, before=before)
        messages.success(request, _("Sending is resumed."))


@admin.register(Plan)
class PlanAdmin(HouseAdmin):
    """Plans, with the number of businesses that an edit touches."""

    list_display = (
        "name", "code", "hosted_messages", "grace_days", "days_kept", "numbers", "seats", "media_megabytes", "webhooks",
        "exports", "requests_per_second", "monthly_fee_micros", "is_public", "followers",
    )  # fmt: skip
    search_fields = ("name", "code")
    readonly_fields = ("followers",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        """With the number of businesses on each."""
        return super().get_queryset(request).annotate(businesses_on_it=Count("businesses"))  # type: ignore[no-any-return]

    @display(description=_("businesses on it"), ordering="businesses_on_it")
    def followers(self, plan: Any) -> int:
        """How many businesses an edit touches."""
        return getattr(plan, "businesses_on_it", 0)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """A higher limit shows at once what the old one locked."""
        super().save_model(request, obj, form, change)
        if {"hosted_messages", "media_megabytes"} & set(form.changed_data):
            planning.tell(None)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The code names the plan for good."""
        return (*self.readonly_fields, "code") if obj else self.readonly_fields


class NewUserForm(UserCreationForm):  # type: ignore[misc]
    """A user is known by e-mail address."""

    class Meta:
        model = User
        fields = ("email",)


class UserForm(UserChangeForm):  # type: ignore[misc]
    """All of a user but the password."""

    class Meta:
        model = User
        fields = "__all__"


class UserMembershipInline(ReadOnlyInline):
    """The businesses, on a user's page."""

    model = Membership
    fields = ("business", "role", "created_at")


@admin.register(User)
class UserAdmin(DjangoUserAdmin, HouseAdmin):  # type: ignore[type-arg, misc]
    """People. Who may do what here is for superusers to say."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    search_fields = ("email", "name")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "name", "is_active")}),
        (_("Operator"), {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)
    inlines = (UserMembershipInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser makes operators, or touches a superuser's login."""
        if request.user.is_superuser:
            return self.readonly_fields
        rights = ("is_staff", "is_superuser", "groups", "user_permissions")
        return (*self.readonly_fields, *rights, *(("email", "is_active") if obj and obj.is_superuser else ()))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A person who leaves is made inactive: the audit log names them."""
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Set a password; a superuser's only by a superuser."""
        user = self.get_object(request, id)
        if user is not None and user.is_superuser and not request.user.is_superuser:
            from django.core.exceptions import PermissionDenied

            raise PermissionDenied
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            auditing.record(action="user.password_set", subject=user)
        return response


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, HouseAdmin):  # type: ignore[type-arg, misc]
    """Sets of permissions for operators."""


@admin.register(Membership)
class MembershipAdmin(HouseAdmin):
    """Who belongs to which business."""

    list_display = ("user", "business", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "business")
    search_fields = ("user__email", "user__name", "business__name")
    autocomplete_fields = ("user", "business")
    readonly_fields = ("created_at",)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys: to be revoked here, never read, made by their owners."""

    list_display = ("name", "prefix", "business", "scopes", "number_ids", "expires_at", "revoked_at", "last_used_at")
    list_select_related = ("business",)
    list_filter = ("revoked_at", "expires_at")
    search_fields = ("name", "prefix", "business__name")
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may change keys."""
        return request.user.has_perm("accounts.change_apikey")

    @action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Make the chosen keys useless from the next request on."""
        for key in queryset.filter(revoked_at=None):
            key.revoke()
            auditing.record(action="key.revoked", subject=key, business=key.business_id)
        messages.success(request, _("The keys are revoked."))


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who changed what."""

    list_display = ("at", "actor_name", "action", "subject", "business", "ip")
    list_select_related = ("business",)
    search_fields = ("actor_name", "action", "subject")
    date_hierarchy = None
    ordering = ("-id",)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """When workers last said that they are alive."""

    list_display = ("name", "beat_at")


@admin.register(EmailAddress)
class EmailAddressAdmin(HouseAdmin):
    """Addresses, and whether they were verified."""

    list_display = ("email", "user", "verified", "primary")
    list_filter = ("verified", "primary")
    search_fields = ("email",)
    autocomplete_fields = ("user",)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Second factors; their secrets are never shown. Deleting one lets its owner in without it."""

    hidden: ClassVar[tuple[str, ...]] = ("data",)
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__email",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only: for people who lost their phone."""
        return bool(request.user.is_superuser)


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    """Where people are logged in; the session's key is never shown."""

    hidden: ClassVar[tuple[str, ...]] = ("session_key", "data")
    list_display = ("user", "created_at", "last_seen_at", "ip")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")


class AccessAdmin(ReadOnlyAdmin):
    """Logins and failed ones."""

    hidden: ClassVar[tuple[str, ...]] = ("get_data", "post_data", "session_hash")
    list_display: ClassVar[tuple[str, ...]] = ("attempt_time", "username", "ip_address", "path_info", "user_agent")
    search_fields = ("username", "ip_address")
    ordering = ("-id",)


admin.site.register(AccessLog, AccessAdmin)
admin.site.register(AccessFailureLog, AccessAdmin)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(AccessAdmin):
    """Addresses counted as failing; deleting a row lets the person try again."""

    list_display: ClassVar[tuple[str, ...]] = (*AccessAdmin.list_display, "failures_since_start")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By Django's permission."""
        return request.user.has_perm("axes.delete_accessattempt")


def suspended() -> list[Item]:
    """Businesses that may not send."""
    count = Business.objects.exclude(suspended_at=None).count()
    url = reverse("admin:accounts_business_changelist") + "?state=suspended"
    return [Item((_("Businesses suspended")), str(count), url, is_urgent=count > 0)]


attention.append(suspended)
