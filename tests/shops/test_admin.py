"""Operators and shops: rerun dead rows, close a shop, hide a product; money and stock are
read-only.
"""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.admin_site.base import ReadOnlyAdmin
from accounts.models import AuditEntry, User
from core.tenancy import logins, system
from shops.chat import order_updates, orders_intake
from shops.models import Catalog, IncomingOrder, Order, OrderUpdate, Picture
from tests.shops.chat.test_orders_intake import cart_of, settle, shop_messages
from tests.shops.sample_data import make_catalog, make_conversation, make_order, make_product

pytestmark = pytest.mark.django_db
DEAD = {"attempts": 5, "last_error": "boom", "dead_at": datetime(2026, 5, 1, tzinfo=UTC)}


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


@pytest.fixture
def catalog() -> Catalog:
    return make_catalog(currency="USD")


def dead_rows(catalog: Catalog) -> dict[str, Any]:
    """A dead row in each queue by its model's name, as its worker leaves it."""
    from hosting.inbound.events import apply_due
    from hosting.models import SimulatedPhone
    from hosting.transports import sandbox

    product = make_product(catalog, "rye", 480, stock=9)
    with system("test"):
        phone = SimulatedPhone.objects.create(
            business=catalog.business, wa_id="14155550123", name="Zoe"
        )
        sandbox.send_from_phone(
            simulated_phone=phone,
            number=catalog.number,
            kind="order",
            content=cart_of(catalog, ("rye", 1, 4.8)),
        )
    apply_due()
    with system("test"):
        IncomingOrder.objects.update(**DEAD)
        order = make_order(catalog.business, catalog.number)
        OrderUpdate.objects.update(**DEAD)
        picture = Picture.objects.create(
            business=catalog.business,
            product=product,
            source_url="https://a.example/x.jpg",
            not_before=timezone.now(),
            **DEAD,
        )
        return {
            "incomingorder": IncomingOrder.objects.get(),
            "orderupdate": OrderUpdate.objects.get(order=order),
            "picture": picture,
        }


def choose(client: Client, name: str, row: Any) -> Any:
    url = reverse(f"admin:shops_{name}_changelist")
    return client.post(url, {"action": "rerun", "_selected_action": [row.pk]})


@pytest.mark.parametrize("name", ["incomingorder", "orderupdate", "picture"])
def test_dead_rows_are_counted_listed_and_can_be_rerun(
    catalog: Catalog, operator: Client, name: str
) -> None:
    row = dead_rows(catalog)[name]
    front = {
        str(item.title): item for item in operator.get(reverse("admin:index")).context["attention"]
    }
    titles = {
        "incomingorder": "Order messages not processed",
        "orderupdate": "Order updates not sent",
        "picture": "Pictures not fetched",
    }
    item = front[titles[name]]
    assert (item.value, item.is_urgent) == ("1", name != "picture")
    listed = operator.get(item.url)
    assert [found.pk for found in listed.context["cl"].result_list] == [row.pk]
    assert choose(operator, name, row).status_code == 302
    with system("test"):
        row.refresh_from_db()
        assert (row.attempts, row.last_error, row.dead_at) == (0, "", None)
    assert (
        choose(operator, name, row).status_code == 302
    )  # nothing is left to run, and the log says so
    with system("test"):
        entries = AuditEntry.objects.filter(action=f"{name}.rerun").order_by("id")
        assert [entry.subject.split()[0] for entry in entries] == ["1", "0"]


def test_a_message_processed_twice_becomes_one_order(catalog: Catalog, operator: Client) -> None:
    row = dead_rows(catalog)["incomingorder"]
    assert orders_intake.process_due() == 0
    choose(operator, "incomingorder", row)
    assert orders_intake.process_due() == 1
    with system("test"):
        assert Order.objects.filter(catalog=catalog).count() == 1
        assert not IncomingOrder.objects.exists()


def test_a_dead_order_update_is_sent_after_a_rerun_and_only_once(
    catalog: Catalog, operator: Client
) -> None:
    make_product(catalog, "rye", 480)
    with system("test"):
        order = make_order_of(catalog)
    settle()
    with system("test"):
        news = OrderUpdate.objects.get(order=order)
        OrderUpdate.objects.update(**DEAD)
    choose(operator, "orderupdate", news)
    assert order_updates.notify_due() == 0
    assert shop_messages(catalog) == []


def make_order_of(catalog: Catalog) -> Order:
    from shops.orders.place import RequestedItems, place_order

    return place_order(
        catalog=catalog, conversation=make_conversation(catalog), wanted=RequestedItems({"rye": 1})
    )


def test_view_permission_does_not_allow_a_rerun(catalog: Catalog, client: Client) -> None:
    row = dead_rows(catalog)["incomingorder"]
    viewer = User.objects.create_user("trainee@example.com", is_staff=True)
    with logins("test"):
        viewer.user_permissions.set(Permission.objects.filter(codename="view_incomingorder"))
    client.force_login(viewer)
    page = client.get(reverse("admin:shops_incomingorder_changelist"))
    assert (page.status_code, b'value="rerun"' in page.content) == (200, False)
    choose(client, "incomingorder", row)
    with system("test"):
        assert IncomingOrder.objects.get().attempts == 5
        assert not AuditEntry.objects.exists()


def test_every_list_and_page_opens_and_shows_no_key(catalog: Catalog, operator: Client) -> None:
    rows = dead_rows(catalog)
    with system("test"):
        order = rows["orderupdate"].order
        Order.objects.filter(pk=order.pk).update(
            address={"name": "Zoe", "street": "Secret Street 7"}
        )
        Catalog.objects.filter(pk=order.catalog_id).update(stripe_key="sk_test_hidden")
    for model in apps.get_app_config("shops").get_models():
        assert isinstance(admin.site._registry[model], ReadOnlyAdmin), model
        name = f"admin:shops_{model._meta.model_name}"
        page = operator.get(reverse(f"{name}_changelist"))
        assert page.status_code == 200, name
        with system("test"):
            row = model._default_manager.last()
        text = page.content.decode()
        if row is not None:
            shown = operator.get(reverse(f"{name}_change", args=[row.pk]))
            assert shown.status_code == 200, name
            text += shown.content.decode()
        for secret in (order.token, "Secret Street", "sk_test_hidden"):
            assert secret not in text, name


def test_a_shop_is_closed_and_a_product_hidden_but_neither_money_nor_stock_is_touched(
    catalog: Catalog, operator: Client
) -> None:
    product = make_product(catalog, "rye", 480, stock=9)
    order = make_order(catalog.business, catalog.number)
    given = {"price_minor": "1", "stock": "1000", "title": "Other", "is_hidden": "on", "_save": "1"}
    assert (
        operator.post(reverse("admin:shops_product_change", args=[product.pk]), given).status_code
        == 302
    )
    given = {
        "name": "Other",
        "stripe_key": "sk_test_x",
        "_save": "1",
    }  # no `is_open`: a box that is not ticked
    assert (
        operator.post(reverse("admin:shops_catalog_change", args=[catalog.pk]), given).status_code
        == 302
    )
    with system("test"):
        product.refresh_from_db()
        assert (product.price_minor, product.stock, product.title, product.is_hidden) == (
            480,
            9,
            "Rye",
            True,
        )
        catalog.refresh_from_db()
        assert (catalog.name, catalog.is_open, catalog.stripe_key) == ("Bakery", False, None)
        assert set(AuditEntry.objects.values_list("action", flat=True)) == {
            "product.changed",
            "catalog.changed",
        }
    for name in ("change", "delete"):
        assert (
            operator.post(reverse(f"admin:shops_order_{name}", args=[order.pk]), {}).status_code
            == 403
        ), name
    with system("test"):
        assert Order.objects.filter(pk=order.pk).exists()
