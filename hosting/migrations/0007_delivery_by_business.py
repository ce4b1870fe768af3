"""Metering claims a business's deliveries together."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hosting", "0005_cloudapi_objects")]
    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["business_id", "id"], name="delivery_of_business"),
        ),
    ]
