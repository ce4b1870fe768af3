"""Context processor: the business, the member's role and the navigation for every template."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.dashboard import navigation, panels
from accounts.models import ADMINS, AGENTS, FINANCE, Role

SETTINGS = "settings"


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Template variables of the dashboard; empty values where the request has no business.

    `business`, `role`, `is_owner`, `is_admin`, `is_agent`, `sees_money`, `pages` and `rail`
    (navigation), `settings_menu` (sections), `tabs` (pages that share the entry of the present
    one), `current_page` (the URL name of the page or setting), `banners` (a function, called when
    drawn), `live_url`, `shows_mails`.
    """
    membership = getattr(request, "membership", None)
    mails = {"shows_mails": bool(settings.MAIL_FOLDER)}
    if membership is None:
        return {**mails, "business": None, "role": "", "pages": [], "banners": [], "live_url": ""}
    return {
        **mails,
        "business": membership.business,
        "role": membership.role,
        "is_owner": membership.role == Role.OWNER,
        "is_admin": membership.role in ADMINS,
        "is_agent": membership.role in AGENTS,
        "sees_money": membership.role in FINANCE,
        **_navigation(request.path, membership.role),
        # A function: partial pages have no banners and must not pay for the queries.
        "banners": lambda: panels.banners_for(membership.business, membership.role),
        "live_url": settings.LIVE_URL,
    }


def _navigation(path: str, role: str) -> dict[str, Any]:
    pages, menu = navigation.pages_for(role), navigation.settings_for(role)
    inside = [one.url_name for _, found in menu for one in found]
    current = _current(path, [*(page.url_name for page in pages), *inside, SETTINGS])
    rail = navigation.rail_for(pages)
    entry = next((e for e in rail if current in [page.url_name for page in e.pages]), None)
    return {
        "pages": pages,
        "rail": rail,
        "settings_menu": menu,
        "in_settings": current in (*inside, SETTINGS),
        "current_entry": entry.pages[0].url_name if entry else "",
        "tabs": entry.pages if entry and len(entry.pages) > 1 else [],
        "current_page": current,
    }


def _current(path: str, names: Iterable[str]) -> str:
    """The URL name whose address is the longest beginning of `path`; empty for none."""
    addresses = {reverse(name): name for name in names}
    found = (one for one in addresses if path == one or (one != "/" and path.startswith(one)))
    return addresses.get(max(found, key=len, default=""), "")
