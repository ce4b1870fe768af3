"""Second factors (MFA): who has one, and businesses that require one of their members."""

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import Business, Membership, User
from core.errors import NotAllowed
from core.tenancy import logins

# Recovery codes alone are not a second factor: they replace one that is lost.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: User) -> bool:
    """Whether the user logs in with an authenticator app, a passkey or a security key."""
    with logins("second factors are a login's"):
        return bool(Authenticator.objects.filter(user=user, type__in=FACTORS).exists())


def has_used_second_factor(request: HttpRequest) -> bool:
    """Whether the session of this request was opened, or confirmed, with a second factor."""
    used = get_authentication_records(request, request.user)
    return any(one.get("method") == "mfa" for one in used)


def members_with_mfa(business: Business) -> set[int]:
    """Ids of the members who have a second factor."""
    members = list(Membership.objects.filter(business=business).values_list("user_id", flat=True))
    with logins("second factors are a login's"):
        found = Authenticator.objects.filter(user__in=members, type__in=FACTORS)
        return set(found.values_list("user_id", flat=True))


def is_locked_out(member: Membership) -> bool:
    """Whether the business requires a second factor that this member lacks; one query a request."""
    return member.business.requires_mfa and not has_second_factor(member.user)


def require_mfa(*, owner: Membership, required: bool) -> None:
    """Require a second factor of every member from their next request on, or stop requiring it.

    API keys are not affected. NotAllowed where the owner has no second factor: nobody could
    undo the requirement.
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
            action="business.mfa_required",
            subject=business,
            business=business,
            before={"required": not required},
            after={"required": required},
        )
