"""The dashboard's navigation: each app adds its own pages, so that no app knows the others'."""

from dataclasses import dataclass

from accounts.models import Role


@dataclass(frozen=True)
class Page:
    """One entry of the navigation: its title, URL name, icon, order, and the roles that see it."""

    title: str
    url_name: str
    icon: str
    order: int
    roles: frozenset[str] = frozenset(Role.values)


_pages: list[Page] = []


def add(page: Page) -> None:
    """Add a page; called from an app's `ready()`."""
    if page not in _pages:
        _pages.append(page)


def pages_for(role: str) -> list[Page]:
    """The pages a role sees, in order."""
    return sorted((page for page in _pages if role in page.roles), key=lambda page: page.order)
