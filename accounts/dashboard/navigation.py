"""Navigation of the dashboard: pages and settings, which each app registers, by role."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_noop as _

from accounts.models import Role
from core.registry import Registry

EVERYBODY = frozenset(Role.values)
# Sections of the settings, in the order in which they are shown.
WORKSPACE = _("Workspace")
CHANNELS = _("Channels and numbers")
TEAM = _("Team")
BILLING = _("Plan and billing")
INBOX = _("Inbox")
SHOP = _("Shop")
DEVELOPERS = _("Developers")
PRIVACY = _("Data and privacy")
AUDIT = _("Audit")
SECTIONS = (WORKSPACE, CHANNELS, TEAM, BILLING, INBOX, SHOP, DEVELOPERS, PRIVACY, AUDIT)


@dataclass(frozen=True)
class Page:
    """A page of the navigation: title, URL name, icon, position, and the roles that see it.

    Pages with the same `entry` share one entry of the rail and are tabs of one another; an empty
    `entry` is the page's own. `words` are other words by which the command menu finds the page.
    """

    title: str
    url_name: str
    icon: str
    order: int
    roles: frozenset[str] = EVERYBODY
    entry: str = ""
    entry_icon: str = ""
    words: str | Promise = ""
    in_rail: bool = True


@dataclass(frozen=True)
class Setting:
    """A page of the settings: its section, title, URL name, icon, position, and roles.

    `note` says below the title what is set there; `words` are other words by which the command
    menu finds it.
    """

    section: str
    title: str
    url_name: str
    icon: str
    order: int
    roles: frozenset[str]
    note: str | Promise
    words: str | Promise = ""


@dataclass(frozen=True)
class Entry:
    """An entry of the rail: title, icon, and its pages, the first of which it opens."""

    title: str
    icon: str
    pages: list[Page]
    begins_group: bool


pages: Registry[Page] = Registry(
    "accounts.dashboard.navigation.pages",
    "Pages of the dashboard's navigation, shown to members whose role is among `roles`.",
    key=lambda page: page.url_name,
    order=lambda page: page.order,
)
settings: Registry[Setting] = Registry(
    "accounts.dashboard.navigation.settings",
    "Pages of the settings, shown to members whose role is among `roles`.",
    key=lambda setting: setting.url_name,
    order=lambda setting: setting.order,
)


def pages_for(role: str) -> list[Page]:
    """The pages that a role sees, in order."""
    return [page for page in pages if role in page.roles]


def rail_for(seen: Sequence[Page]) -> list[Entry]:
    """The entries of the rail for these pages; a new group begins with each hundred of `order`."""
    entries: list[Entry] = []
    for page in seen:
        if not page.in_rail:
            continue
        if entries and page.entry and entries[-1].pages[0].entry == page.entry:
            entries[-1].pages.append(page)
        else:
            begins = bool(entries) and page.order // 100 != entries[-1].pages[0].order // 100
            entries.append(Entry(page.title, page.icon, [page], begins))
    return [
        Entry(one.pages[0].entry, one.pages[0].entry_icon, one.pages, one.begins_group)
        if len(one.pages) > 1
        else one
        for one in entries
    ]


def settings_for(role: str) -> list[tuple[str, list[Setting]]]:
    """(section, its settings) that a role sees; sections without any are left out."""
    seen = [one for one in settings if role in one.roles]
    found = [(section, [one for one in seen if one.section == section]) for section in SECTIONS]
    return [(section, inside) for section, inside in found if inside]
