"""What Django's models cannot say: tenancy, the steps of an order, the moves of stock, the queue of order messages."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """Row-level security, triggers, and references within one business."""

    dependencies = [("shops", "0001_initial"), ("hosting", "0031_search_by_business")]
    operations = [
        row_level_security(
            "shops_catalog",
            "shops_product",
            "shops_picture",
            "shops_collection",
            "shops_collectionproduct",
            "shops_deliverymethod",
            "shops_stockmove",
            "shops_cart",
            "shops_cartline",
            "shops_order",
            "shops_orderline",
            "shops_ordernote",
            "shops_incomingorder",
            "shops_buyerpayment",
            "shops_buyerrefund",
            "shops_shopgatewayevent",
        ),
        run_file("shops", "of_one_business"),
        run_file("shops", "order_steps"),
        run_file("shops", "stock_moves"),
        run_file("shops", "queue_orders"),
    ]
