"""Registries refuse duplicates and keep their order; all of the project are documented and used."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from core import registry
from core.registry import DuplicateEntry, Registry, registries

# A new registry is added here.
EXPECTED = {
    "accounts.admin_site.business_figures",
    "accounts.admin_site.business_links",
    "accounts.admin_site.front_page_attention",
    "accounts.admin_site.front_page_figures",
    "accounts.api_keys.number_sources",
    "accounts.dashboard.checklist.steps",
    "accounts.dashboard.finders.finders",
    "accounts.dashboard.navigation.pages",
    "accounts.dashboard.navigation.settings",
    "accounts.dashboard.panels.attention_sources",
    "accounts.dashboard.panels.banner_sources",
    "accounts.dashboard.panels.panels",
    "accounts.plans.changes.plan_changed",
    "accounts.plans.changes.plan_checks",
    "accounts.plans.usage.usage_limits",
    "accounts.team.business_setups",
    "billing.invoices.tax.engines",
    "core.backup.after_restore",
    "core.backup.reconciliations",
    "core.health.checks",
    "core.health.queues",
    "core.metrics.database_figures",
    "core.outbox.sources",
    "core.queue.queues",
    "hosting.extensions.account_edges",
    "hosting.extensions.catalog_ids",
    "hosting.extensions.composer_tools",
    "hosting.extensions.erasers",
    "hosting.extensions.forecasts",
    "hosting.extensions.message_costs",
    "hosting.extensions.message_notes",
    "hosting.extensions.phone_tools",
    "hosting.extensions.product_cards",
    "hosting.extensions.quotes",
    "hosting.extensions.send_checks",
    "hosting.extensions.upstream_contents",
}


class Fruit(NamedTuple):
    name: str
    weight: int


@pytest.fixture
def fruits() -> Iterator[Registry[Fruit]]:
    fruits: Registry[Fruit] = Registry(
        "tests.fruits", "Fruits.", key=lambda one: one.name, order=lambda one: one.weight
    )
    yield fruits
    del registry._registries["tests.fruits"]


def test_iteration_is_by_order_then_by_registration(fruits: Registry[Fruit]) -> None:
    for fruit in (Fruit("pear", 2), Fruit("plum", 1), Fruit("apple", 2)):
        assert fruits.register(fruit) is fruit
    assert [fruit.name for fruit in fruits] == ["plum", "pear", "apple"]
    assert len(fruits) == 3
    assert fruits["pear"] == Fruit("pear", 2)
    assert fruits.get("melon") is None


def test_duplicates_are_refused_and_change_nothing(fruits: Registry[Fruit]) -> None:
    fruits.register(Fruit("pear", 2))
    with pytest.raises(DuplicateEntry, match=r"tests\.fruits has an item 'pear' already"):
        fruits.register(Fruit("pear", 3))
    assert list(fruits) == [Fruit("pear", 2)]


def test_a_name_of_a_registry_is_taken_once(fruits: Registry[Fruit]) -> None:
    with pytest.raises(DuplicateEntry, match=r"There is a registry named tests\.fruits already"):
        Registry("tests.fruits", "Others.")
    assert fruits in registries()


def test_an_item_can_be_unregistered(fruits: Registry[Fruit]) -> None:
    fruits.register(Fruit("pear", 2))
    fruits.unregister(Fruit("pear", 2))
    assert list(fruits) == []
    with pytest.raises(KeyError):
        fruits.unregister(Fruit("pear", 2))


def test_all_registries_are_documented_and_have_entries() -> None:
    found = {one.name: one for one in registries()}
    assert set(found) == EXPECTED
    for name, one in found.items():
        assert len(one) >= 1, f"{name} is empty"
        assert one.__doc__, f"{name} has no description"
        assert one.__doc__.endswith("."), f"{name}: the description is a sentence"
