"""Securing: an owner can ask that whoever works in the business logs in with a second factor."""

from allauth.mfa.models import Authenticator
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import Business, Membership, User
from core.errors import NotAllowed

# Recovery codes alone are no second factor: they replace one that is lost.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: User) -> bool:
    """Whether the user logs in with an authenticator app, a passkey or a security key."""
    return bool(Authenticator.objects.filter(user=user, type__in=FACTORS).exists())


def secured(business: Business) -> set[int]:
    """Ids of the members who have a second factor."""
    members = Membership.objects.filter(business=business).values("user_id")
    return set(
        Authenticator.objects.filter(user__in=members, type__in=FACTORS).values_list(
            "user_id", flat=True
        )
    )


def is_shut_out(member: Membership) -> bool:
    """Whether the business asks for a second factor that this member does not have; asked on every request."""
    return member.business.requires_mfa and not has_second_factor(member.user)


def require_mfa(*, owner: Membership, required: bool) -> None:
    """Ask every member for a second factor from the next request on, or no longer; API keys are not asked.

    The owner needs one first (NotAllowed): else nobody could take it back.
    """
    business = owner.business
    if required and not has_second_factor(owner.user):
        raise NotAllowed(
            _("Set up two-factor login for yourself first; then you can ask it of everybody.")
        )
    changed = Business.objects.filter(pk=business.pk, requires_mfa=not required).update(
        requires_mfa=required
    )
    business.requires_mfa = required
    if changed:
        record.record(
            action="business.mfa_required", subject=business, business=business,
            before={"required": not required}, after={"required": required},
        )  # fmt: skip
