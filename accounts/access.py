"""Access to dashboard pages: membership, role, and the business's scope in which a view runs."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, cast
from zoneinfo import ZoneInfo

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth import SESSION_KEY as LOGIN_KEY
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.backends.base import SessionBase
from django.db import InternalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from django_htmx.middleware import HtmxDetails
from psycopg.errors import ReadOnlySqlTransaction

from accounts import impersonation, mfa
from accounts.audit import acts
from accounts.models import Business, Membership, User
from core.errors import NotAllowed, ParleyError
from core.tenancy import scope, system

P = ParamSpec("P")
SESSION_KEY = "business_id"
READ_ONLY = _("You see this business as its owner does, and can change nothing. End it first.")

NO_DOWNLOADS = _("You see this business as its owner does. Its files are not for you to keep.")


class BusinessRequest(HttpRequest):
    """A request of a logged-in member, for type checkers; made by `member_page`."""

    user: User
    business: Business
    membership: Membership
    htmx: HtmxDetails


def member_page(
    *roles: str,
) -> Callable[
    [Callable[Concatenate[BusinessRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """Decorate a view so that only members with one of `roles` reach it (no roles: any member).

    The view runs with `request.business` and `request.membership` set, in a transaction that is
    scoped to the business. Anybody else gets the login page or an error page of status 403.
    """

    def decorate(
        view: Callable[Concatenate[BusinessRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def wrapped(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            membership = current_membership(request)
            if membership is None:
                return render(request, "accounts/no_business.html", status=403)
            request.membership, request.business = membership, membership.business
            if mfa.is_locked_out(membership):
                return _ask_for_second_factor(request, membership)
            if roles and membership.role not in roles:
                return refusal(request, NotAllowed())
            return _answer(request, partial(view, request, *args, **kwargs))

        wrapped.records_acts = True  # type: ignore[attr-defined]
        guarded: Callable[..., HttpResponseBase] = login_required(wrapped)
        return guarded

    return decorate


def _answer(request: BusinessRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """What a view answers in the scope and the time zone of the request's business."""
    try:
        with (
            scope(request.business.pk),
            timezone.override(ZoneInfo(request.business.timezone)),
        ):
            if request.membership.pk is None:
                impersonation.forbid_writing()
                return view()
            with acts.silent() as written:
                response = view()
                # 204: a step before the act, or nothing to show.
                if response.status_code != 204:
                    acts.complete(request, response, written, request.business.pk)
            return response
    except ParleyError as error:
        return refusal(request, error)
    except InternalError as error:
        if not isinstance(error.__cause__, ReadOnlySqlTransaction):
            raise
        return refusal(request, NotAllowed(str(READ_ONLY)))


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership chosen in this session, else the user's first; read on every request.

    An operator who views as a business gets an unsaved one (see `accounts.impersonation`).
    """
    if seen := getattr(request, "viewing", None):
        return impersonation.membership(seen, cast(User, request.user))
    return _membership(request.user.pk or 0, request.session.get(SESSION_KEY))


def membership_of(session: SessionBase) -> Membership | None:
    """The membership of a session without a request; its login is verified as middleware would.

    None for a session that is not logged in, impersonates, or lacks a required second factor.
    """
    if impersonation.KEY in session:
        return None
    try:
        user = User.objects.get(pk=int(session.get(LOGIN_KEY) or 0))
    except User.DoesNotExist:
        return None
    if not user.is_active or not constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    ):
        return None
    membership = _membership(user.pk, session.get(SESSION_KEY))
    return None if membership is None or mfa.is_locked_out(membership) else membership


def _membership(user_id: int, business_id: int | None) -> Membership | None:
    with system("a login comes before its tenant"):
        memberships = Membership.objects.filter(user_id=user_id).select_related(
            "business__plan", "user"
        )
        chosen = memberships.filter(business_id=business_id).first() if business_id else None
        return chosen or memberships.order_by("id").first()


def _ask_for_second_factor(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The page for members without the second factor that this business requires."""
    with system("a user's businesses are listed across tenants"):
        others = (
            Membership.objects.filter(user=membership.user)
            .exclude(pk=membership.pk)
            .select_related("business")
        )
        context = {"member": membership, "others": list(others.order_by("id"))}
    return render(request, "accounts/mfa_required.html", context, status=403)


def refusal(request: HttpRequest, error: ParleyError) -> HttpResponse:
    """An error page with the message and status of `error`."""
    return render(request, "error.html", {"error": error}, status=error.status)
