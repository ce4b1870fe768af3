"""The pay page of an order: for whoever has its address, without a login, in the chat's own view."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET


@require_GET
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """One order: what it comes to, how it is delivered and paid."""
    raise Http404
