"""Navigation of the dashboard: each app registers its own pages."""

from dataclasses import dataclass

from accounts.models import Role
from core.registry import Registry


@dataclass(frozen=True)
class Page:
    """An entry of the navigation: title, URL name, icon, position, and the roles that see it."""

    title: str
    url_name: str
    icon: str
    order: int
    roles: frozenset[str] = frozenset(Role.values)


pages: Registry[Page] = Registry(
    "accounts.dashboard.navigation.pages",
    "Entries of the dashboard's navigation, shown to members whose role is among `roles`.",
    key=lambda page: page.url_name,
    order=lambda page: page.order,
)


def pages_for(role: str) -> list[Page]:
    """The entries that a role sees, in order."""
    return [page for page in pages if role in page.roles]
