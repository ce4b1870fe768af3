"""Row-level security of the new tables, terms that cannot change under charges, and the one price function."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """What Django's models cannot say."""

    dependencies = [("billing", "0007_card_terms")]
    operations = [
        row_level_security(
            "billing_numbertally", "billing_spendcap", "billing_commitment", "billing_spendalert"
        ),
        migrations.RunSQL(
            """ALTER TABLE billing_cardchoice ADD CONSTRAINT card_choices_do_not_overlap
               EXCLUDE USING gist (int8range(business_id, business_id, '[]') WITH &&,
                                   daterange(valid_from, valid_to) WITH &&)""",
            reverse_sql="ALTER TABLE billing_cardchoice DROP CONSTRAINT card_choices_do_not_overlap",
        ),
        run_file(
            "billing", "price", reverse="DROP FUNCTION billing_price(bigint, numeric, bigint)"
        ),
        run_file("billing", "choice_rules"),
    ]
