"""Close tenant tables; open the one door that comes before the tenant is known."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """Policies and the key function."""

    dependencies = [("accounts", "0001_initial")]
    operations = [
        row_level_security("accounts_business", column="id"),
        row_level_security("accounts_membership", "accounts_apikey"),
        run_file("accounts", "open_key", reverse="DROP FUNCTION accounts_open_key(text, bytea)"),
    ]
