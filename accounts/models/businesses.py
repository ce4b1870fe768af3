"""Businesses (the tenants), their plans and their members."""

import zoneinfo
from datetime import datetime
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User
from core import widths


class Plan(models.Model):
    """Limits of what a business may use, and the monthly fee. A limit of NULL is no limit."""

    code = models.SlugField(primary_key=True, max_length=widths.PLAN_CODE)
    name = models.CharField(max_length=80)
    hosted_messages = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Messages hosted, a month.")
    )
    grace_days = models.PositiveIntegerField(
        default=30,
        db_default=30,
        help_text=_("Days that inbound messages over the limit are kept, locked."),
    )
    days_kept = models.PositiveIntegerField(null=True, blank=True)
    max_numbers = models.PositiveIntegerField(_("numbers"), null=True, blank=True)
    max_seats = models.PositiveIntegerField(_("seats"), null=True, blank=True)
    media_megabytes = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Files kept, in 1,000,000 bytes.")
    )
    max_webhooks = models.PositiveIntegerField(_("webhooks"), null=True, blank=True)
    max_exports = models.PositiveIntegerField(
        _("exports"), null=True, blank=True, help_text=_("Of conversations, a month.")
    )
    requests_per_second = models.PositiveIntegerField(default=80, help_text=_("Of each API key."))
    webhooks_per_second = models.PositiveIntegerField(
        default=320,
        db_default=320,
        help_text=_("That come to each account's address; one for each 500 bytes begun."),
    )
    raw_events = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Raw bodies of incoming webhooks kept, a month.")
    )
    locked_messages = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Messages over the limit kept locked, at once.")
    )
    monthly_fee_micros = models.BigIntegerField(
        default=0, help_text=_("Millionths of the currency.")
    )
    currency = models.CharField(max_length=widths.CURRENCY, default="USD")
    is_public = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(monthly_fee_micros__gte=0), name="plan_fee_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(requests_per_second__gte=1), name="plan_lets_keys_ask"
            ),
            models.CheckConstraint(
                condition=Q(webhooks_per_second__gte=1), name="plan_lets_webhooks_come"
            ),
        ]

    def __str__(self) -> str:
        return self.name


def known_timezone(name: str) -> None:
    """ValidationError for a time zone that the tz database does not have."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("%(name)s is not a time zone of the tz database."), params={"name": name}
        )


class Business(models.Model):
    """The tenant: owner of all rows that a request may read."""

    name = models.CharField(max_length=widths.BUSINESS_NAME)
    plan = models.ForeignKey(
        Plan, on_delete=models.PROTECT, default="free", related_name="businesses"
    )
    country = models.CharField(max_length=widths.COUNTRY, default="US")
    timezone = models.CharField(
        max_length=widths.TIMEZONE, default="UTC", validators=[known_timezone]
    )
    currency = models.CharField(max_length=widths.CURRENCY, default="USD")
    next_plan = models.ForeignKey(
        Plan,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("From the next month on."),
    )
    next_plan_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=utc_now)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.CharField(max_length=widths.REASON, blank=True)
    requires_mfa = models.BooleanField(
        default=False, db_default=False, help_text=_("Members without a second factor see nothing.")
    )
    clock_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Test clock: the moment this business lives in. Sandbox numbers only."),
    )

    class Meta:
        verbose_name_plural = "businesses"
        # Actions of operators that change no row; both require a reason.
        permissions: ClassVar = [
            ("enter_business", "Can view as a business"),
            ("open_messages", "Can open the text of messages"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(next_plan=None, next_plan_at=None)
                | Q(next_plan__isnull=False, next_plan_at__isnull=False),
                name="next_plan_has_a_start",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_plan_at"],
                condition=Q(next_plan_at__isnull=False),
                name="plan_change_due",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def now(self) -> datetime:
        """The current time, or that of the test clock where one is set."""
        return self.clock_at or utc_now()

    def may_send(self) -> bool:
        """Whether messages may be sent; reading is always allowed."""
        return self.suspended_at is None

    def suspend(self, reason: str) -> None:
        """Stop sending; an existing suspension keeps its time and reason."""
        Business.objects.filter(pk=self.pk, suspended_at=None).update(
            suspended_at=self.now(), suspended_reason=reason[: widths.REASON]
        )
        self.refresh_from_db(fields=["suspended_at", "suspended_reason"])

    def resume(self) -> None:
        """Lift a suspension."""
        self.suspended_at, self.suspended_reason = None, ""
        self.save(update_fields=["suspended_at", "suspended_reason"])


class PlanTerm(models.Model):
    """The time from which a business was on a plan, and at what fee; a trigger writes one with
    every change of the plan and of the plan's fee.

    Plan fees are charged by the day from these; before the first there is no fee.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="plan_terms", db_index=False
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    fee_micros = models.BigIntegerField(
        default=0, db_default=0, help_text=_("A month, in millionths of the currency.")
    )
    currency = models.CharField(max_length=widths.CURRENCY, default="USD", db_default="USD")

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.plan_id} from {self.started_at:%Y-%m-%d}"


class Role(models.TextChoices):
    """What a member may do.

    Owners may do everything; admins too, but for what costs money or cannot be undone: the plan,
    owners, and the deletion of all customers. Agents read and answer conversations; finance
    reads usage and invoices; viewers read messages.
    """

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    AGENT = "agent", _("Agent")
    FINANCE = "finance", _("Finance")
    VIEWER = "viewer", _("Viewer")


# Roles that manage a business, that answer its customers, and that see its invoices.
ADMINS = (Role.OWNER, Role.ADMIN)
AGENTS = (*ADMINS, Role.AGENT)
FINANCE = (Role.OWNER, Role.FINANCE)


class Membership(models.Model):
    """A user's role in one business."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=widths.ROLE, choices=Role.choices)
    created_at = models.DateTimeField(default=utc_now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "user"], name="one_membership_per_business_and_user"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} of {self.business}"
