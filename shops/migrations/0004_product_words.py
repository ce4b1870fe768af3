"""The words by which products are found."""

from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    """One generated column and its index."""

    dependencies = [("shops", "0003_order_news")]
    operations = [
        run_file("shops", "product_words", reverse="ALTER TABLE shops_product DROP COLUMN words")
    ]
