"""The home page's parts: each app adds its own panels and what needs attention, so that no app knows the others'."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.models import Business, Role
from core.tenancy import ensured


@dataclass(frozen=True)
class Panel:
    """One part of the home page: its template, how its variables are loaded, its order, and who sees it."""

    template: str
    load: Callable[[Business], dict[str, Any]]
    order: int
    roles: frozenset[str] = frozenset(Role.values)


@dataclass(frozen=True)
class Attention:
    """Something that somebody should look at: what, where, and how urgent (`warn` or `bad`)."""

    text: str
    url: str
    tone: str = "warn"


@dataclass(frozen=True)
class Watch:
    """Finds what needs attention in a business, for these roles."""

    find: Callable[[Business], list[Attention]]
    roles: frozenset[str] = frozenset(Role.values)


@dataclass(frozen=True)
class Banner:
    """A line above every page while something is wrong: what, how urgent, and where it is put right."""

    text: str
    tone: str = "warn"
    url: str = ""
    action: str = ""


# (business, the member's role) -> what is to be said; within the business's scope, on every full page: one query.
BannerSource = Callable[[Business, str], list[Banner]]

_panels: list[Panel] = []
_banners: list[BannerSource] = []
_watches: list[Watch] = []


def add(panel: Panel) -> None:
    """Add a panel; called from an app's `ready()`."""
    if panel not in _panels:
        _panels.append(panel)


def watch(one: Watch) -> None:
    """Add a watch; called from an app's `ready()`."""
    if one not in _watches:
        _watches.append(one)


def announce(source: BannerSource) -> None:
    """Add a source of banners; called from an app's `ready()`."""
    if source not in _banners:
        _banners.append(source)


def banners_for(business: Business, role: str) -> list[Banner]:
    """What is said above every page of this business now, the most urgent first.

    Pages of refusal are drawn after the business's scope has ended, so that it is entered here where it must.
    """
    with ensured(business.pk):
        found = [banner for source in _banners for banner in source(business, role)]
    return sorted(found, key=lambda banner: banner.tone != "bad")


def panels_for(business: Business, role: str) -> list[tuple[str, dict[str, Any]]]:
    """(template, its variables) of every panel that a role sees, in order; within the business's scope."""
    shown = sorted(
        (panel for panel in _panels if role in panel.roles), key=lambda panel: panel.order
    )
    return [(panel.template, panel.load(business)) for panel in shown]


def attention_for(business: Business, role: str) -> list[Attention]:
    """Everything that needs attention, the most urgent first; within the business's scope."""
    found = [item for one in _watches if role in one.roles for item in one.find(business)]
    return sorted(found, key=lambda item: item.tone != "bad")
