"""Who may use a simulated phone: members who answer chats, and a shop's guest at their own."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from accounts.access import member_page, refusal
from accounts.models import AGENTS, Business
from core.errors import ParleyError
from core.tenancy import scope, system
from hosting.numbers import guests


def phone_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorate a view of one phone: for members, and for who has its guest cookie and no login."""
    for_members = member_page(*AGENTS)(view)

    @wraps(view)
    def wrapped(
        request: HttpRequest, simulated_phone_id: int, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        business = None if request.user.is_authenticated else _host(request, simulated_phone_id)
        if business is None:
            return for_members(request, *args, simulated_phone_id=simulated_phone_id, **kwargs)
        asked: Any = request
        asked.business, asked.is_guest = business, True
        try:
            with scope(business.pk), timezone.override(ZoneInfo(business.timezone)):
                return view(asked, *args, simulated_phone_id=simulated_phone_id, **kwargs)
        except ParleyError as error:
            return refusal(request, error)

    return wrapped


def _host(request: HttpRequest, simulated_phone_id: int) -> Business | None:
    """The business whose guest has this phone, by the signed cookie; None for anybody else."""
    business_id, phone_id = guests.read_cookie(request)
    if phone_id != simulated_phone_id:
        return None
    with system("a guest's cookie comes before its tenant"):
        return Business.objects.select_related("plan").filter(pk=business_id).first()
