"""What every dashboard template knows: the business, the member's role, the navigation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts import navigation, panels


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Template variables `business`, `role`, `pages`, `banners` (asked for when drawn), `live_url`, `shows_mails`; empty outside a business."""
    membership = getattr(request, "membership", None)
    mails = {"shows_mails": bool(settings.MAIL_FOLDER)}
    if membership is None:
        return {**mails, "business": None, "role": "", "pages": [], "banners": [], "live_url": ""}
    return {
        **mails,
        "business": membership.business,
        "role": membership.role,
        "pages": navigation.pages_for(membership.role),
        # A function: parts of pages have no banners and must not pay for them.
        "banners": lambda: panels.banners_for(membership.business, membership.role),
        "live_url": settings.LIVE_URL,
    }
