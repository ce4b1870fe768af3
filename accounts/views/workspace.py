"""Pages of the workspace: home, the member's profile, API keys, language, development mailbox."""

from pathlib import Path

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import api_keys, development_mailbox, impersonation
from accounts.access import SESSION_KEY, BusinessRequest, member_page
from accounts.dashboard import panels
from accounts.forms import ApiKeyForm
from accounts.models import ADMINS, ApiKey, Membership
from core import client_address
from core.tenancy import logins, system

LOOPBACK = ("127.0.0.1", "::1")


@require_GET
@member_page()
def home(request: BusinessRequest) -> HttpResponse:
    """The home page: panels, and what needs attention."""
    role = request.membership.role
    context = {
        "attention": panels.attention_for(request.business, role),
        "panels": panels.panels_for(request.business, role),
        "now": request.business.now(),
    }
    return render(request, "accounts/home.html", context)


@require_GET
@member_page()
def profile(request: BusinessRequest) -> HttpResponse:
    """The member's profile: businesses, role, language, login."""
    with system("a user's businesses are listed across tenants"):
        memberships = list(
            Membership.objects.filter(user=request.user).select_related("business").order_by("id")
        )
    return render(
        request,
        "accounts/profile.html",
        {"memberships": memberships, "languages": settings.LANGUAGES},
    )


@require_POST
@login_required
def switch(request: HttpRequest) -> HttpResponse:
    """Switch to another business of the user."""
    wanted = request.POST.get("business", "")
    with system("a login chooses among its businesses"):
        member = Membership.objects.filter(user_id=request.user.pk or 0)
        if (
            not wanted.isdecimal()
            or len(wanted) > 18
            or not member.filter(business_id=wanted).exists()
        ):
            raise Http404
    request.session[SESSION_KEY] = int(wanted)
    return redirect("home")


@require_GET
def development_mails(request: HttpRequest) -> HttpResponse:
    """The development mailbox: mails that were written to files, for readers on this machine.

    Settings decide whether there is one (the demo, and BASE_URL is a loopback address), not the
    host that a request names. A request that a proxy passes on for somebody elsewhere is refused.
    """
    if not settings.MAIL_FOLDER or not _is_from_here(request):
        raise Http404
    found = development_mailbox.newest(Path(settings.MAIL_FOLDER))
    return render(request, "accounts/development_mailbox.html", {"mails": found})


def _is_from_here(request: HttpRequest) -> bool:
    return request.META.get("REMOTE_ADDR") in LOOPBACK and client_address.is_certain(request)


@require_POST
@login_required
def end_viewing(request: HttpRequest) -> HttpResponse:
    """End the operator's impersonation and return to the business's page in the admin."""
    seen: impersonation.Viewing | None = getattr(request, "viewing", None)
    if seen is None:
        raise Http404
    impersonation.end(request, seen)
    return redirect("admin:accounts_business_change", seen.business_id)


@require_POST
@login_required
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """Log out one session of the user."""
    with logins("a user ends a session"):
        get_object_or_404(UserSession, user_id=request.user.pk, pk=session_id).end()
    messages.success(request, _("Logged out there."))
    return redirect("usersessions_list")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Store the language in a cookie and redirect to `next`."""
    chosen = request.POST.get("language", "")
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = "/"
    response = redirect(back)
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, chosen, max_age=365 * 24 * 3600, samesite="Lax"
        )
    return response


@member_page(*ADMINS)
def keys(request: BusinessRequest) -> HttpResponse:
    """API keys; POST creates one and shows its text once."""
    numbers = api_keys.numbers_of(request.business)
    form, secret = ApiKeyForm(request.POST or None, numbers=numbers), ""
    if request.method == "POST" and form.is_valid():
        _, secret = api_keys.create_key(
            business=request.business,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            number_ids=form.cleaned_data.get("number_ids"),
            expires_at=form.expires_at(),
        )
        form = ApiKeyForm(numbers=numbers)
    return _keys(request, form, secret)


def _keys(request: BusinessRequest, form: ApiKeyForm, secret: str) -> HttpResponse:
    found = list(ApiKey.objects.filter(business=request.business).order_by("revoked_at", "-id"))
    api_keys.name_numbers(request.business, found)
    context = {"keys": found, "form": form, "secret": secret, "base_url": settings.BASE_URL}
    return render(request, "accounts/keys.html", context)


@require_POST
@member_page(*ADMINS)
def replace_key(request: BusinessRequest, key_id: int) -> HttpResponse:
    """Replace a key and show the new one's text once; the old key works for one more day."""
    _, secret = api_keys.replace_key(
        key=get_object_or_404(ApiKey, business=request.business, pk=key_id)
    )
    return _keys(request, ApiKeyForm(numbers=api_keys.numbers_of(request.business)), secret)


@require_POST
@member_page(*ADMINS)
def revoke_key(request: BusinessRequest, key_id: int) -> HttpResponse:
    """Revoke a key."""
    api_keys.revoke_key(key=get_object_or_404(ApiKey, business=request.business, pk=key_id))
    return redirect("keys")
