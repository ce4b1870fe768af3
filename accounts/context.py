"""What every dashboard template knows: the business, the member's role, the navigation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts import navigation, panels


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Template variables: `business`, `role`, `pages`, `current_page`, `banners` (asked for when drawn), `live_url`, `shows_mails`.

    Empty outside a business.
    """
    membership = getattr(request, "membership", None)
    mails = {"shows_mails": bool(settings.MAIL_FOLDER)}
    if membership is None:
        return {**mails, "business": None, "role": "", "pages": [], "banners": [], "live_url": ""}
    pages = navigation.pages_for(membership.role)
    return {
        **mails,
        "business": membership.business,
        "role": membership.role,
        "pages": pages,
        "current_page": _current(request.path, pages),
        # A function: parts of pages have no banners and must not pay for them.
        "banners": lambda: panels.banners_for(membership.business, membership.role),
        "live_url": settings.LIVE_URL,
    }


def _current(path: str, pages: list[navigation.Page]) -> str:
    """Address of the entry that a page lies below; the longest, where entries lie below one another."""
    addresses = [reverse(page.url_name) for page in pages]
    return max(
        (one for one in addresses if path == one or (one != "/" and path.startswith(one))),
        key=len,
        default="",
    )
