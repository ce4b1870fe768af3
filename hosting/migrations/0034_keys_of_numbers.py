"""An API key can be limited to some numbers: the door of the Cloud API asks for that in the same round trip."""

from django.db import migrations

from core.sql import run_file, statement

OLD_KEY = "DROP FUNCTION accounts_open_key(text, bytea);" + statement("accounts", "open_key")
OLD_DOOR = "DROP FUNCTION hosting_enter_door(text, bytea, text);" + statement(
    "hosting", "enter_door"
)
OLD_RULE = "DROP TRIGGER key_of_own_numbers ON accounts_apikey; DROP FUNCTION hosting_keys_of_own_numbers();"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_keys_of_numbers"),
        ("hosting", "0033_other_limits"),
    ]
    operations = [
        run_file("accounts", "open_limited_key", reverse=OLD_KEY),
        run_file("hosting", "cloudapi_door", reverse=OLD_DOOR),
        run_file("hosting", "keys_of_own_numbers", reverse=OLD_RULE),
    ]
