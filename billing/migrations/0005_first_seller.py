"""A seller to begin with: operators put their company's details in before the first real invoice."""

from typing import Any

from django.db import migrations


def add_seller(apps: Any, schema_editor: Any) -> None:
    apps.get_model("billing", "Seller").objects.using(schema_editor.connection.alias).create(
        name="Parley",
        address="Set your company's address in the admin: Billing, Sellers",
        number_prefix="PARLEY",
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_seller")]
    operations = [migrations.RunPython(add_seller, migrations.RunPython.noop)]
