"""The team of a business: creating a business, its settings, invitations, roles, leaving; all
recorded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.validators import validate_email
from django.db import transaction
from django.db.utils import IntegrityError
from django.urls import reverse
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import Business, Invitation, Membership, Role, User
from core import links, outbox
from core.errors import BadInput, NotAllowed, NotYours, ParleyError
from core.registry import Registry
from core.tenancy import scope, system

# (new business, its owner)
BusinessSetup = Callable[[Business, User], None]

business_setups: Registry[BusinessSetup] = Registry(
    "accounts.team.business_setups",
    "Functions that give a new business what it needs, in the transaction that creates it.",
)


class Refused(ParleyError):
    """A rule of the database: seats of the plan, the last owner, one membership per person."""

    code = "refused"
    status = 409


# Message for each constraint; None: the database's own message is readable.
MESSAGES: dict[str, str | None] = {
    "seats_within_plan": None,
    "keep_an_owner": None,
    "one_membership_per_business_and_user": "This person is a member already.",
    "one_open_invitation_per_address": "This address has been invited already.",
}


@contextmanager
def refusals() -> Iterator[None]:
    """Raise Refused for violations of the constraints in MESSAGES; others are re-raised."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        found = getattr(error.__cause__, "diag", None)
        if found is None or found.constraint_name not in MESSAGES:
            raise
        raise Refused(MESSAGES[found.constraint_name] or found.message_primary) from None


def create_business(
    *,
    user: User,
    name: str,
    country: str = "US",
    currency: str = "USD",
    timezone: str = "UTC",
) -> Business:
    """Create a business on the free plan with `user` as its owner, and run `business_setups`.

    Raises BadInput for a name that is empty or longer than 120 characters.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= 120:
        raise BadInput(_("A name has 1 to 120 characters."), field="name")
    business = Business(name=name, country=country, currency=currency, timezone=timezone)
    business.clean_fields(exclude=["plan"])
    with system("a business is being created"):
        business.save()
        Membership.objects.create(business=business, user=user, role=Role.OWNER)
        record.record(
            action="business.created",
            subject=business,
            business=business,
            after={"owner": user.email},
        )
        for set_up in business_setups:
            set_up(business, user)
    return business


def change_settings(*, business: Business, name: str, timezone: str) -> None:
    """Change name and time zone, both validated by the caller, and record the change.

    Open billing periods keep their beginning and end.
    """
    with transaction.atomic():
        held = Business.objects.select_for_update().get(pk=business.pk)
        before = {"name": held.name, "timezone": held.timezone}
        after = {"name": name, "timezone": timezone}
        if before == after:
            return
        Business.objects.filter(pk=held.pk).update(**after)
        record.record(
            action="business.changed", subject=held, business=held, before=before, after=after
        )


def ensure_may_manage(actor: Membership, *roles: str) -> None:
    """NotAllowed where `actor`, who is no owner, would make, change or remove an owner."""
    if actor.role != Role.OWNER and Role.OWNER in roles:
        raise NotAllowed(_("Only an owner can make, change or remove an owner."))


def invite(*, business: Business, by: User, email: str, role: str) -> Invitation:
    """Reserve a seat for an e-mail address and send it the invitation.

    Call in the business's scope. Raises BadInput for an invalid address or role, Refused where
    the plan has no seat left or the person is a member already.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except Exception:
        raise BadInput(_("This is not an e-mail address."), field="email") from None
    if role not in Role.values:
        raise BadInput(_("There is no such role."), field="role")
    token = Invitation.new_token()
    with refusals():
        if Membership.objects.filter(business=business, user__email=email).exists():
            raise Refused(_("This person is a member already."))
        Invitation.objects.filter(
            business=business,
            email=email,
            accepted_at=None,
            withdrawn_at=None,
            expires_at__lte=utc_now(),
        ).update(withdrawn_at=utc_now())
        invitation = Invitation.objects.create(
            business=business,
            email=email,
            role=role,
            invited_by=by,
            digest=Invitation.digest_of(token),
        )
        record.record(
            action="member.invited",
            subject=email,
            business=business,
            after={"email": email, "role": role},
        )
        _mail(invitation, links.absolute(reverse("accept_invitation", args=[token])))
    return invitation


def _mail(invitation: Invitation, link: str) -> None:
    context = {"invitation": invitation, "business": invitation.business, "link": link}
    outbox.write(
        outbox.render("invitation", context),
        key=f"invitation-{invitation.pk}",
        recipients=[invitation.email],
        business_id=invitation.business_id,
        is_private=True,
    )


def find_invitation(token: str) -> Invitation:
    """The open invitation with this token, with its business; NotYours where there is none."""
    with system("an invitation comes before its tenant"):
        wanted = Invitation.objects.open().filter(digest=Invitation.digest_of(token))
        found = wanted.select_related("business").first()
    if found is None:
        raise NotYours(_("This invitation was used, withdrawn or is too old: ask for a new one."))
    return found


def accept(*, token: str, user: User) -> Membership:
    """Accept an invitation: make the user a member. A token works once.

    Raises NotAllowed where the user has another e-mail address than the invitation, NotYours
    for an invitation that is not open, Refused where the plan has no seat left.
    """
    found = find_invitation(token)
    if user.email.lower() != found.email:
        raise NotAllowed(
            _("This invitation is for %(email)s: log in with that address.")
            % {"email": found.email}
        )
    with scope(found.business_id), refusals():
        if not Invitation.objects.open().filter(pk=found.pk).update(accepted_at=utc_now()):
            raise NotYours(
                _("This invitation was used, withdrawn or is too old: ask for a new one.")
            )
        member = Membership.objects.create(business=found.business, user=user, role=found.role)
        record.record(
            action="member.joined",
            subject=user.email,
            business=found.business,
            after={"role": found.role},
        )
    return member


def withdraw(*, invitation: Invitation) -> None:
    """Withdraw an invitation; its seat is free again."""
    if Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None).update(
        withdrawn_at=utc_now()
    ):
        record.record(
            action="member.uninvited", subject=invitation.email, business=invitation.business_id
        )


def change_role(*, member: Membership, role: str) -> None:
    """Change a member's role from their next request on; Refused for the last owner."""
    if role not in Role.values:
        raise BadInput(_("There is no such role."), field="role")
    with refusals():
        before = Membership.objects.select_for_update(of=("self",)).get(pk=member.pk).role
        Membership.objects.filter(pk=member.pk).update(role=role)
        record.record(
            action="member.role_changed",
            subject=member.user.email,
            business=member.business_id,
            before={"role": before},
            after={"role": role},
        )
    member.role = role


def remove(*, member: Membership) -> None:
    """Remove a member; Refused for the last owner."""
    with refusals():
        Membership.objects.filter(pk=member.pk).delete()
        record.record(
            action="member.removed",
            subject=member.user.email,
            business=member.business_id,
            before={"role": member.role},
        )


def transfer(*, owner: Membership, to: Membership) -> None:
    """Transfer ownership: `to` becomes owner, the former owner an agent.

    Raises NotAllowed where `owner` is not an owner or `to` not another member.
    """
    if owner.role != Role.OWNER or owner.business_id != to.business_id or owner.pk == to.pk:
        raise NotAllowed(_("Only an owner can hand a business over, to another member."))
    with transaction.atomic():
        change_role(member=to, role=Role.OWNER)
        change_role(member=owner, role=Role.AGENT)
