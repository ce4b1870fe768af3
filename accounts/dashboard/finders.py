"""What the command menu finds among a business's rows: each app registers its own finders."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import Business
from core.registry import Registry

# Rows of one kind that the menu shows at most, and characters of a question that are looked at.
MOST = 5
LONGEST = 100


@dataclass(frozen=True)
class Found:
    """A row that was found: title, address, icon, and a short note beside it."""

    title: str
    url: str
    icon: str
    note: str = ""


@dataclass(frozen=True)
class Finder:
    """A function that finds at most `MOST` rows of a business by words, and the roles it is for."""

    name: str
    find: Callable[[Business, str], list[Found]]
    roles: frozenset[str]


finders: Registry[Finder] = Registry(
    "accounts.dashboard.finders.finders",
    "Functions that find customers, orders, invoices and the like for the command menu.",
    key=lambda finder: finder.name,
)


def find(business: Business, role: str, words: str) -> list[Found]:
    """What the finders of a role find for `words`; nothing for fewer than two characters.

    Call within the business's scope.
    """
    asked = words.replace("\x00", "").strip()[:LONGEST]
    if len(asked) < 2:
        return []
    return [
        one for finder in finders if role in finder.roles for one in finder.find(business, asked)
    ]
