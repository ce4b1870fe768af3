"""What Django's models cannot say: row-level security, references, steps of an order, moves of stock, queues."""

from django.db import migrations

from core.schema import schema_files


class Migration(migrations.Migration):
    dependencies = [("shops", "0001_initial"), ("hosting", "0002_schema")]
    operations = [
        schema_files("core", "tenant_tables"),
        schema_files(
            "shops",
            "references",
            "order_steps",
            "order_money",
            "order_update",
            "stock_moves",
            "incoming_orders",
            "product_words",
        ),
    ]
