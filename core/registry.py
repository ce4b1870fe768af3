"""Registries: typed lists of named entries that apps add to in their `ready()`."""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Named(Protocol):
    """Anything with a name that is unique within its registry."""

    @property
    def name(self) -> str:
        """The entry's unique name."""
        ...


Entry = TypeVar("Entry", bound=Named)


class Registry(Generic[Entry]):
    """Entries in the order in which they were added; `about` says what they are for."""

    def __init__(self, about: str) -> None:
        self.about = about
        self._entries: dict[str, Entry] = {}

    def add(self, entry: Entry) -> Entry:
        """Add an entry and return it; ValueError when its name is taken by another entry."""
        known = self._entries.setdefault(entry.name, entry)
        if known is not entry:
            raise ValueError(f"There is an entry named {entry.name!r} already.")
        return entry

    def remove(self, name: str) -> None:
        """Take an entry out again; KeyError when there is none of this name."""
        del self._entries[name]

    def names(self) -> list[str]:
        """Names of all entries, in their order."""
        return list(self._entries)

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)
