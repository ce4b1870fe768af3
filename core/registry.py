"""Registries: typed lists by which apps add to each other without importing upward.

An app that can be extended creates a `Registry` at module level; every app that extends it calls
`register` in its `AppConfig.ready()`. Nothing else in the project is filled on import.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_registries: "dict[str, Registry[Any]]" = {}


class DuplicateEntry(ValueError):
    """A registry of this name, or an item with this key, has been registered already."""


class Registry(Generic[T]):
    """Items of one type in a defined order, each registered once.

    `name` is the dotted path under which the registry is listed, `doc` says what an item does and
    when it is used (it becomes the registry's `__doc__`). Two items with equal `key(item)` are
    duplicates; without `key` the item itself is compared. Iteration sorts by `order(item)`; items
    that are equal in that, and all items where `order` is not given, keep the order of
    registration, which is the order of `INSTALLED_APPS`.
    """

    def __init__(
        self,
        name: str,
        doc: str,
        *,
        key: Callable[[T], Hashable] | None = None,
        order: Callable[[T], Any] | None = None,
    ) -> None:
        if name in _registries:
            raise DuplicateEntry(f"There is a registry named {name} already.")
        self.name = name
        self.__doc__ = doc
        self._key = key or _itself
        self._order = order
        self._items: dict[Hashable, T] = {}
        _registries[name] = self

    def register(self, item: T) -> T:
        """Add an item and return it; DuplicateEntry where one with its key is registered."""
        key = self._key(item)
        if key in self._items:
            raise DuplicateEntry(f"{self.name} has an item {key!r} already.")
        self._items[key] = item
        return item

    def unregister(self, item: T) -> None:
        """Remove an item; KeyError where it is not registered. For tests."""
        del self._items[self._key(item)]

    def get(self, key: Hashable) -> T | None:
        """The item with this key, or None."""
        return self._items.get(key)

    def __getitem__(self, key: Hashable) -> T:
        return self._items[key]

    def __iter__(self) -> Iterator[T]:
        items = list(self._items.values())
        return iter(items if self._order is None else sorted(items, key=self._order))

    def __len__(self) -> int:
        return len(self._items)


def registries() -> "list[Registry[Any]]":
    """Every registry of the modules loaded so far, by name."""
    return [_registries[name] for name in sorted(_registries)]


def _itself(item: Any) -> Hashable:
    key: Hashable = item
    return key
