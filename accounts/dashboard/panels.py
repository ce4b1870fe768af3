"""Panels of the home page, items that need attention, and banners: each app registers its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.models import Business, Role
from core.registry import Registry
from core.tenancy import ensure_scope


@dataclass(frozen=True)
class Panel:
    """One part of the home page: template, loader of its variables, position, roles that see it."""

    template: str
    load: Callable[[Business], dict[str, Any]]
    order: int
    roles: frozenset[str] = frozenset(Role.values)


@dataclass(frozen=True)
class Attention:
    """Something that a member should look at: text, address, and urgency (`warn` or `bad`)."""

    text: str
    url: str
    tone: str = "warn"


@dataclass(frozen=True)
class AttentionSource:
    """A function that finds what needs attention in a business, and the roles it is for."""

    find: Callable[[Business], list[Attention]]
    roles: frozenset[str] = frozenset(Role.values)


@dataclass(frozen=True)
class Banner:
    """A line above every page while something is wrong.

    `tone` is `info`, `warn` or `bad`; `url` and `action` are the address and label of the link
    that puts it right, if there is one. `progress` is how much is done, of how much; what
    `refresh_url` answers replaces the banner every two seconds.
    """

    text: str
    tone: str = "warn"
    url: str = ""
    action: str = ""
    progress: tuple[int, int] | None = None
    refresh_url: str = ""


# (business, role of the member) -> banners. Runs in the business's scope on every full page, and
# may cost one query.
BannerSource = Callable[[Business, str], list[Banner]]

panels: Registry[Panel] = Registry(
    "accounts.dashboard.panels.panels",
    "Parts of the home page, loaded within the business's scope.",
    key=lambda panel: panel.template,
    order=lambda panel: panel.order,
)
attention_sources: Registry[AttentionSource] = Registry(
    "accounts.dashboard.panels.attention_sources",
    "Functions that find what needs attention on the home page, within the business's scope.",
)
banner_sources: Registry[BannerSource] = Registry(
    "accounts.dashboard.panels.banner_sources",
    "Functions that return the banners shown above every page of a business.",
)


def banners_for(business: Business, role: str) -> list[Banner]:
    """Banners above every page of this business now, the most urgent first.

    Enters the business's scope where it has ended already, as it has on error pages.
    """
    with ensure_scope(business.pk):
        found = [banner for source in banner_sources for banner in source(business, role)]
    return sorted(found, key=lambda banner: banner.tone != "bad")


def panels_for(business: Business, role: str) -> list[tuple[str, dict[str, Any]]]:
    """(template, variables) of every panel that a role sees, in order; call within the scope."""
    return [(panel.template, panel.load(business)) for panel in panels if role in panel.roles]


def attention_for(business: Business, role: str) -> list[Attention]:
    """Everything that needs attention, the most urgent first; call within the business's scope."""
    sources = (source for source in attention_sources if role in source.roles)
    found = [item for source in sources for item in source.find(business)]
    return sorted(found, key=lambda item: item.tone != "bad")
