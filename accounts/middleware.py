"""Operators cross businesses; everybody else starts inside one."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse

from accounts import auditing
from accounts.tenancy import system


class BusinessMiddleware:
    """Runs the admin's views as `parley_system`; tenant pages and APIs scope themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Let the audit log know whose request this is; admin views are wrapped in process_view."""
        token = auditing.origin.set(lambda: auditing.origin_of(request))
        try:
            return self.get_response(request)
        finally:
            auditing.origin.reset(token)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Wrap operators' admin views in one cross-tenant transaction."""
        match = request.resolver_match
        if match is None or match.app_name != "admin":
            return None
        with system("operators work across businesses"):
            response = view(request, *args, **kwargs)
            # Rendered here, not after the transaction: lazy querysets must still see their rows.
            if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
                response.render()
            return response
