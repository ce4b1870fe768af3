from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    dependencies = [
        ("shops", "0007_goods_back"),
    ]

    operations = [
        run_file("shops", "queue_forms"),
    ]
