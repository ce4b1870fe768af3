"""Row-level security, versions that never overlap, and a ledger that cannot be changed."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """What Django's models cannot say."""

    dependencies = [("billing", "0001_initial"), ("accounts", "0002_row_level_security")]
    operations = [
        row_level_security(
            "billing_cardchoice",
            "billing_period",
            "billing_tally",
            "billing_charge",
            "billing_usage",
            "billing_quarantine",
            "billing_invoice",
            "billing_invoiceline",
        ),
        migrations.RunSQL(
            [
                # Core range types only: btree_gist is not everywhere.
                """ALTER TABLE billing_cardversion ADD CONSTRAINT versions_do_not_overlap
                   EXCLUDE USING gist (int8range(card_id, card_id, '[]') WITH &&, daterange(valid_from, valid_to) WITH &&)
                   WHERE (state <> 'draft')""",
                """ALTER TABLE billing_tier ADD CONSTRAINT tiers_do_not_overlap
                   EXCLUDE USING gist (int8range(rate_id, rate_id, '[]') WITH &&, int8range(first, last, '[]') WITH &&)""",
            ],
            reverse_sql=[
                "ALTER TABLE billing_cardversion DROP CONSTRAINT versions_do_not_overlap",
                "ALTER TABLE billing_tier DROP CONSTRAINT tiers_do_not_overlap",
            ],
        ),
        run_file("billing", "append_only"),
    ]
