"""Middleware: limits of request bodies; the scope of admin views; impersonation; audit origin."""

import re
from collections.abc import Callable
from typing import Any

from allauth.account.middleware import AccountMiddleware
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts import impersonation, mfa
from accounts.access import NO_DOWNLOADS, READ_ONLY, refusal
from accounts.audit import acts, record
from core.errors import NotAllowed
from core.tenancy import logins, system

SAFE = ("GET", "HEAD", "OPTIONS")


class UploadMiddleware:
    """Refuses a request whose Content-Length is above the limit of its path, before reading it.

    Servers read at most Content-Length bytes, and a body without the header is read as empty, so
    the limit also holds while receiving.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.limits = [(re.compile(path), limit) for path, limit in settings.UPLOAD_LIMITS]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer 413 with the limit, or pass the request on."""
        length = request.headers.get("Content-Length", "")
        size = int(length[:18]) if length.isascii() and length.isdigit() else 0
        limit = next((limit for path, limit in self.limits if path.match(request.path_info)), None)
        if limit is None or size <= limit:
            return self.get_response(request)
        message = f"The request has {size:,} bytes; the limit here is {limit:,}."
        if request.path_info.startswith("/api/"):
            refusal = {"error": {"code": "too_large", "message": message, "field": ""}}
            return JsonResponse(refusal, status=413)
        return render(request, "413.html", {"size": size, "limit": limit}, status=413)


class BusinessMiddleware:
    """Runs admin views across businesses, and enforces impersonation.

    Views of the dashboard and of the APIs set their own scope.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Set the origin for the audit log, and refuse what impersonation does not allow."""
        token = record.origin.set(lambda: record.origin_of(request))
        try:
            refused = self._refuse_while_viewing(request)
            response = refused or _without_downloads(request, self.get_response(request))
            if request.path_info.startswith("/admin/"):
                response._csp_config = settings.ADMIN_CONTENT_SECURITY_POLICY  # type: ignore[attr-defined]
            return response
        finally:
            record.origin.reset(token)

    def _refuse_while_viewing(self, request: HttpRequest) -> HttpResponseBase | None:
        """The response where impersonation has expired or the request could change something."""
        seen = impersonation.of(request)
        request.viewing = seen  # type: ignore[attr-defined]
        if seen is None or request.path_info == reverse("end_viewing"):
            return None
        if seen.is_over:
            impersonation.end(request, seen)
            return redirect("admin:accounts_business_change", seen.business_id)
        return None if request.method in SAFE else refusal(request, NotAllowed(str(READ_ONLY)))

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Run an admin view in one transaction across businesses, one of allauth's among logins."""
        match = request.resolver_match
        if match is None:
            return None
        if match.route.startswith("account/"):
            with logins("who logs in belongs to no business yet"):
                return _account_page(request, view, args, kwargs)
        if match.app_name != "admin":
            return None
        if refused := _demand_second_factor(request, match.url_name or ""):
            return refused
        with system("operators work across businesses"), acts.silent() as written:
            response = _rendered(view(request, *args, **kwargs))
            # A form that is shown again was not carried out.
            if response.status_code == 302 or request.method in SAFE:
                acts.complete(request, response, written, None, prefix="admin.")
            return response


def _without_downloads(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response; while an operator views as a business, a refusal in place of a file to keep."""
    kept = response.headers.get("Content-Disposition", "").startswith("attachment")
    if not kept or getattr(request, "viewing", None) is None:
        return response
    answer = refusal(request, NotAllowed(str(NO_DOWNLOADS)))
    # The file that would have been sent is closed with the answer, which ends the request.
    answer._resource_closers += response._resource_closers  # type: ignore[attr-defined]
    return answer


# allauth's pages end by exceptions too, which it turns into responses.
_answer_to: Any = AccountMiddleware(lambda request: HttpResponse()).process_exception


def _account_page(
    request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
) -> HttpResponseBase:
    try:
        return _rendered(view(request, *args, **kwargs))
    except Exception as error:
        answer: HttpResponseBase | None = _answer_to(request, error)
        if answer is None:
            raise
        return answer


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    """Render now, not after the transaction: lazy querysets must still see their rows."""
    if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
        response.render()
    return response


def _demand_second_factor(request: HttpRequest, page: str) -> HttpResponseBase | None:
    """Redirect an operator whose session has no second factor: to confirm it, or to set one up."""
    user = request.user
    if not settings.OPERATORS_REQUIRE_MFA or page in ("login", "logout") or not user.is_staff:
        return None
    if mfa.has_used_second_factor(request):
        return None
    if mfa.has_second_factor(user):
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': request.path})}")
    messages.warning(request, _("Operators log in with a second factor. Set one up first."))
    return redirect("mfa_index")
