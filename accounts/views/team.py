"""Pages about the team: creating a business, members, invitations."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts import mfa, signup
from accounts import team as accounts_team
from accounts.access import SESSION_KEY, BusinessRequest, member_page, refusal
from accounts.forms import BusinessCreationForm
from accounts.models import ADMINS, AGENTS, FINANCE, Invitation, Membership, Role, User
from core.errors import ParleyError

# What each role may do, as the team page shows it.
RIGHTS: list[tuple[Any, tuple[str, ...]]] = [
    (_("Read and answer chats"), AGENTS),
    (_("See the message log and prices"), tuple(Role)),
    (_("See usage and invoices"), FINANCE),
    (_("Manage team, channels, API keys and webhooks"), ADMINS),
    (_("Change the plan, transfer ownership, delete all data"), (Role.OWNER,)),
]


@login_required
def create_business(request: HttpRequest) -> HttpResponse:
    """Form for a new business; whoever submits it becomes its owner."""
    guessed = BusinessCreationForm.guess(request.headers.get("Accept-Language", ""))
    form = BusinessCreationForm(request.POST or None, initial=guessed)
    page = "accounts/create_business.html"
    if request.method != "POST" or not form.is_valid():
        status = 400 if request.method == "POST" else 200
        return render(request, page, {"form": form}, status=status)
    assert isinstance(request.user, User)
    try:
        business = accounts_team.create_business(user=request.user, **form.cleaned_data)
    except ParleyError as error:
        form.add_error("name", error.message)
        return render(request, page, {"form": form}, status=error.status)
    request.session[SESSION_KEY] = business.pk
    return redirect("home")


@require_POST
def resend_verification(request: HttpRequest) -> HttpResponse:
    """Send the verification of who has just signed up once more; the answer is always the same."""
    signup.resend_verification(request)
    messages.success(request, _("If the address is waiting for it, the mail is on its way again."))
    return redirect("account_email_verification_sent")


@member_page(*ADMINS)
def team(request: BusinessRequest) -> HttpResponse:
    """Members, open invitations, rights of roles; POST sends an invitation."""
    error, status = "", 200
    if request.method == "POST":
        try:
            accounts_team.ensure_may_manage(request.membership, request.POST.get("role", ""))
            accounts_team.invite(
                business=request.business,
                by=request.user,
                email=request.POST.get("email", "").replace("\x00", ""),
                role=request.POST.get("role", ""),
            )
            messages.success(request, _("The invitation is on its way."))
            return redirect("team")
        except ParleyError as refused:
            error, status = refused.message, refused.status
    is_owner = request.membership.role == Role.OWNER
    context: dict[str, Any] = {
        "members": Membership.objects.filter(business=request.business)
        .select_related("user")
        .order_by("id"),
        "invitations": Invitation.objects.open().filter(business=request.business).order_by("-id"),
        "secured": mfa.members_with_mfa(request.business),
        "roles": Role.choices,
        "role_offers": [one for one in Role.choices if is_owner or one[0] != Role.OWNER],
        "rights": [(right, [value in who for value in Role.values]) for right, who in RIGHTS],
        "error": error,
    }
    return render(request, "accounts/team.html", context, status=status)


@require_POST
@member_page(*ADMINS)
def require_mfa(request: BusinessRequest) -> HttpResponse:
    """Require a second factor of every member, or stop requiring it."""
    mfa.require_mfa(owner=request.membership, required=request.POST.get("required") == "yes")
    return redirect("team")


@require_POST
@member_page(*ADMINS)
def change_role(request: BusinessRequest, member_id: int) -> HttpResponse:
    """Change a member's role."""
    member, role = _member(request, member_id), request.POST.get("role", "")
    accounts_team.ensure_may_manage(request.membership, member.role, role)
    accounts_team.change_role(member=member, role=role)
    messages.success(request, _("Saved."))
    return redirect("team")


@require_POST
@member_page(*ADMINS)
def remove(request: BusinessRequest, member_id: int) -> HttpResponse:
    """Remove a member."""
    member = _member(request, member_id)
    accounts_team.ensure_may_manage(request.membership, member.role)
    accounts_team.remove(member=member)
    messages.success(request, _("Removed."))
    return redirect("team")


@require_POST
@member_page(Role.OWNER)
def transfer(request: BusinessRequest, member_id: int) -> HttpResponse:
    """Transfer ownership to a member."""
    accounts_team.transfer(owner=request.membership, to=_member(request, member_id))
    return redirect("home")


@require_POST
@member_page()
def leave(request: BusinessRequest) -> HttpResponse:
    """Leave the current business; the last owner cannot."""
    accounts_team.remove(member=request.membership)
    request.session.pop(SESSION_KEY, None)
    return redirect("home")


@require_POST
@member_page(*ADMINS)
def withdraw(request: BusinessRequest, invitation_id: int) -> HttpResponse:
    """Withdraw an invitation."""
    found = Invitation.objects.filter(business=request.business, pk=invitation_id).first()
    if found is None:
        raise Http404
    accounts_team.withdraw(invitation=found)
    return redirect("team")


@login_required
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Page of an invitation's link; POST accepts it."""
    assert isinstance(request.user, User)
    try:
        invitation = accounts_team.find_invitation(token)
        if request.method != "POST":
            return render(request, "accounts/invitation.html", {"invitation": invitation})
        member = accounts_team.accept(token=token, user=request.user)
    except ParleyError as error:
        return refusal(request, error)
    request.session[SESSION_KEY] = member.business_id
    return redirect("home")


def _member(request: BusinessRequest, member_id: int) -> Membership:
    found = (
        Membership.objects.filter(business=request.business, pk=member_id)
        .select_related("user")
        .first()
    )
    if found is None:
        raise Http404
    return found
