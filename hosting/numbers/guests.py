"""Guest phones: strangers who try a shop whose number is a sandbox one, without a login."""

import secrets
from datetime import timedelta

from django.core.signing import BadSignature
from django.http import HttpRequest
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext as _

from core.errors import ParleyError
from hosting.models import SimulatedPhone

# The signed cookie that says whose phone a browser has, and for how long.
COOKIE = "guest_phone"
SECONDS = 24 * 3600
# Digits that nobody has; guests of a business at once, at most.
PREFIX = "1999555"
MOST = 200


class TooManyGuests(ParleyError):
    """A sandbox has as many guests as it may have."""

    code = "too_many_guests"
    status = 429


def invite(business_id: int) -> SimulatedPhone:
    """Make a phone for a guest; call inside the business's scope.

    Guests of the day before are removed first. Raises TooManyGuests beyond 200.
    """
    guests = SimulatedPhone.objects.filter(business_id=business_id, wa_id__startswith=PREFIX)
    guests.filter(created_at__lt=utc_now() - timedelta(seconds=SECONDS)).delete()
    if guests.count() >= MOST:
        raise TooManyGuests(_("This test shop has too many guests at the moment. Try it later."))
    number = secrets.randbelow(10**6)
    guest, _made = SimulatedPhone.objects.get_or_create(
        business_id=business_id,
        wa_id=f"{PREFIX}{number:06}",
        defaults={"name": _("Guest %(number)s") % {"number": f"{number:06}"}},
    )
    return guest


def read_cookie(request: HttpRequest) -> tuple[int, int]:
    """(id of the business, id of the phone) of a request's signed cookie; (0, 0) without one."""
    try:
        value = request.get_signed_cookie(COOKIE, max_age=SECONDS)
        business_id, phone_id = map(int, str(value).split("."))
    except (KeyError, BadSignature, ValueError):
        return 0, 0
    return business_id, phone_id


def cookie_of(guest: SimulatedPhone) -> str:
    """The value of a guest's cookie, which is signed when it is set."""
    return f"{guest.business_id}.{guest.pk}"
