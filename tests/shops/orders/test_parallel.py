"""Many concurrent orders for few goods."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from core.errors import ParleyError
from core.tenancy import scope, system
from shops.models import Catalog, Order, Product
from shops.orders.place import RequestedItems, place_order
from tests.shops.sample_data import make_catalog, make_conversation, make_product


def test_200_orders_at_once_for_50_things(committed_db: None) -> None:
    catalog = make_catalog()
    bread = make_product(catalog, "bread", stock=50)
    buyer = make_conversation(catalog)

    def order(_: int) -> str:
        try:
            with scope(catalog.business_id):
                placed = place_order(
                    catalog=Catalog.objects.select_related("business").get(pk=catalog.pk),
                    conversation=buyer,
                    wanted=RequestedItems({"bread": 1}),
                )
                return str(placed.number)
        except ParleyError as error:
            return error.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        ends = list(pool.map(order, range(200)))
    assert sorted(int(end) for end in ends if end.isdecimal()) == list(range(1, 51))
    assert ends.count("out_of_stock") == 150
    with system("test"):
        assert (Order.objects.count(), Product.objects.get(pk=bread.pk).stock) == (50, 0)
