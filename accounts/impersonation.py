"""Viewing: an operator sees a business's dashboard as its owner does, for half an hour, and can change nothing there.

Beginning and end are in the business's own audit log. The middleware refuses every method that could change something,
and `member_page` runs what is left in a transaction that the database itself keeps from writing.
"""

import time
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from accounts.audit import record
from accounts.models import Business, Membership, Role, User
from core.tenancy import system

KEY = "viewing"
MINUTES = 30
PERMISSION = "accounts.enter_business"


class Viewing(NamedTuple):
    """Whose dashboard an operator's session shows, and until when (seconds since 1970)."""

    business_id: int
    name: str
    until: float

    @property
    def is_over(self) -> bool:
        """Whether the half hour has passed."""
        return time.time() >= self.until

    @property
    def minutes_left(self) -> int:
        """Minutes that are left, rounded up."""
        return max(0, int(-(-(self.until - time.time()) // 60)))


def begin(*, request: HttpRequest, business: Business, reason: str) -> None:
    """Show this session the business from the next request on; the reason is in its audit log."""
    record.record(
        action="business.viewed",
        subject=business,
        business=business,
        after={"reason": reason, "minutes": MINUTES},
    )
    request.session[KEY] = [business.pk, business.name, time.time() + 60 * MINUTES]


def of(request: HttpRequest) -> Viewing | None:
    """What this session shows; None where nothing was begun, or its operator may no longer."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or KEY not in request.session:
        return None
    if not request.user.has_perm(PERMISSION) or not request.user.is_staff:
        request.session.pop(KEY)
        return None
    return Viewing(*request.session[KEY])


def end(request: HttpRequest, viewing: Viewing) -> None:
    """Let the session be the operator's own again; recorded."""
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
    """An owner's membership that is in no database: it opens pages, and is never saved."""
    with system("an operator looks at a business"):
        business = Business.objects.select_related("plan").filter(pk=viewing.business_id).first()
    return (
        None if business is None else Membership(business=business, user=operator, role=Role.OWNER)
    )


def forbid_writing() -> None:
    """Keep the running transaction from writing, whatever a page does."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
