"""Impersonation: an operator views a business's dashboard as its owner, read-only, for 30 minutes.

Beginning and end are written to the business's audit log. The middleware refuses every HTTP method
that may change something, and `member_page` runs views in a read-only database transaction.
"""

import time
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from accounts.audit import record
from accounts.models import Business, Membership, Role, User
from core.tenancy import logins, system

KEY = "viewing"
MINUTES = 30
PERMISSION = "accounts.enter_business"


class Viewing(NamedTuple):
    """The business that an operator's session shows; `until` is in seconds since 1970."""

    business_id: int
    name: str
    until: float

    @property
    def is_over(self) -> bool:
        """Whether the 30 minutes have passed."""
        return time.time() >= self.until

    @property
    def minutes_left(self) -> int:
        """Remaining minutes, rounded up."""
        return max(0, int(-(-(self.until - time.time()) // 60)))


def begin(*, request: HttpRequest, business: Business, reason: str) -> None:
    """Show the business in this session from the next request on; records it with the reason."""
    record.record(
        action="business.viewed",
        subject=business,
        business=business,
        after={"reason": reason, "minutes": MINUTES},
    )
    request.session[KEY] = [business.pk, business.name, time.time() + 60 * MINUTES]


def of(request: HttpRequest) -> Viewing | None:
    """The business that this session shows; None for none, or without the permission."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or KEY not in request.session:
        return None
    with logins("permissions are an operator's, not a business's"):
        is_allowed = request.user.has_perm(PERMISSION) and request.user.is_staff
    if not is_allowed:
        request.session.pop(KEY)
        return None
    return Viewing(*request.session[KEY])


def end(request: HttpRequest, viewing: Viewing) -> None:
    """End the impersonation of this session and record it."""
    request.session.pop(KEY, None)
    with system("operators work across businesses"):
        after = {"by": "time" if viewing.is_over else "operator"}
        record.record(
            action="business.view_ended",
            subject=viewing.name,
            business=viewing.business_id,
            after=after,
        )


def membership(viewing: Viewing, operator: User) -> Membership | None:
    """An unsaved membership with the owner's role; None where the business does not exist."""
    with system("an operator looks at a business"):
        business = Business.objects.select_related("plan").filter(pk=viewing.business_id).first()
    return (
        None if business is None else Membership(business=business, user=operator, role=Role.OWNER)
    )


def forbid_writing() -> None:
    """Make the running transaction read-only."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
