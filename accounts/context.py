"""Context processor: the business, the member's role and the navigation for every template."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.dashboard import navigation, panels


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Template variables of the dashboard; empty values where the request has no business.

    `business`, `role`, `pages` (navigation), `current_page` (the address of one of them),
    `banners` (a function, called when drawn), `live_url`, `shows_mails`.
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
        # A function: partial pages have no banners and must not pay for the queries.
        "banners": lambda: panels.banners_for(membership.business, membership.role),
        "live_url": settings.LIVE_URL,
    }


def _current(path: str, pages: list[navigation.Page]) -> str:
    """The longest address of a navigation entry that is a prefix of `path`; empty for none."""
    addresses = [reverse(page.url_name) for page in pages]
    return max(
        (one for one in addresses if path == one or (one != "/" and path.startswith(one))),
        key=len,
        default="",
    )
