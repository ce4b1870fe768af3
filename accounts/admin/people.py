"""Admin of users, their sessions and second factors, and memberships."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.admin_site.base import AuditedAdmin, ReadOnlyAdmin, ReadOnlyInline
from accounts.audit import record
from accounts.models import Membership, User

THIRD_PARTY = (
    Group,
    EmailAddress,
    Authenticator,
    UserSession,
    AccessAttempt,
    AccessLog,
    AccessFailureLog,
)
for model in THIRD_PARTY:
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class NewUserForm(UserCreationForm):
    """Form for a new user: e-mail address and password."""

    class Meta:
        model = User
        fields = ("email",)


class UserForm(UserChangeForm):
    """Form for an existing user."""

    class Meta:
        model = User
        fields = "__all__"


class UserMembershipInline(ReadOnlyInline):
    """Businesses on a user's page."""

    model = Membership
    fields = ("business", "role", "created_at")


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):  # type: ignore[type-arg, misc]
    """Users; only superusers give rights to operators."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = (
        "email",
        "name",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
        "date_joined",
    )
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
        """Rights, and a superuser's login, can be changed by superusers only."""
        if request.user.is_superuser:
            return self.readonly_fields
        rights = ("is_staff", "is_superuser", "groups", "user_permissions")
        return (
            *self.readonly_fields,
            *rights,
            *(("email", "is_active") if obj and obj.is_superuser else ()),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Users are deactivated, not deleted: the audit log refers to them."""
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Set a password; PermissionDenied for a superuser's unless one asks."""
        user = self.get_object(request, id)
        if user is not None and user.is_superuser and not request.user.is_superuser:
            from django.core.exceptions import PermissionDenied

            raise PermissionDenied
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            record.record(action="user.password_set", subject=user)
        return response


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, AuditedAdmin):  # type: ignore[misc]
    """Groups: sets of permissions for operators."""


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    """Memberships of users in businesses."""

    list_display = ("user", "business", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "business")
    search_fields = ("user__email", "user__name", "business__name")
    autocomplete_fields = ("user", "business")
    readonly_fields = ("created_at",)


@admin.register(EmailAddress)
class EmailAddressAdmin(AuditedAdmin):
    """E-mail addresses, and whether they are verified."""

    list_display = ("email", "user", "verified", "primary")
    list_filter = ("verified", "primary")
    search_fields = ("email",)
    autocomplete_fields = ("user",)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Second factors, without their secrets; deleting one lets its owner log in without it."""

    hidden: ClassVar[tuple[str, ...]] = ("data",)
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__email",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only, for users who lost their device."""
        return bool(request.user.is_superuser)


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    """Sessions of users, without their keys."""

    hidden: ClassVar[tuple[str, ...]] = ("session_key", "data")
    list_display = ("user", "created_at", "last_seen_at", "ip")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")


class AccessAdmin(ReadOnlyAdmin):
    """Logins and failed logins."""

    hidden: ClassVar[tuple[str, ...]] = ("get_data", "post_data", "session_hash")
    list_display: ClassVar[tuple[str, ...]] = (
        "attempt_time",
        "username",
        "ip_address",
        "path_info",
        "user_agent",
    )
    search_fields = ("username", "ip_address")
    ordering = ("-id",)


admin.site.register(AccessLog, AccessAdmin)
admin.site.register(AccessFailureLog, AccessAdmin)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(AccessAdmin):
    """Counters of failed logins; deleting a row lifts the lockout."""

    list_display: ClassVar[tuple[str, ...]] = (*AccessAdmin.list_display, "failures_since_start")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the operator may delete these rows."""
        return request.user.has_perm("axes.delete_accessattempt")
