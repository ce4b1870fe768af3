import accounts.models.businesses
import billing.models.details
import billing.models.documents
import billing.models.invoices
import billing.models.parties
import datetime
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.utils.timezone
from decimal import Decimal
from django.conf import settings
from core.schema import InitialMigration
from django.db import migrations, models


class Migration(InitialMigration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CardVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('scheduled', 'Scheduled')], default='draft', max_length=10)),
                ('valid_from', models.DateField(help_text='First day of a month.')),
                ('valid_to', models.DateField(blank=True, help_text='First day it no longer holds.', null=True)),
                ('floor_micros', models.BigIntegerField(blank=True, help_text='No price is lower, discounts included; empty: as the card says.')),
                ('ceiling_micros', models.BigIntegerField(blank=True, help_text='No price is higher; empty: as the card says.')),
                ('service_free_in_window', models.BooleanField(default=False)),
                ('utility_free_in_window', models.BooleanField(default=False)),
                ('free_entry_hours', models.PositiveIntegerField(default=72, help_text='How long after a free-entry window opened a message is free; 0 switches it off.')),
                ('reactions_free', models.BooleanField(db_default=True, default=True)),
                ('free_messages', models.PositiveIntegerField(db_default=0, default=0, help_text='Service messages that are free for each number and month.')),
                ('failed_charged', models.BooleanField(db_default=False, default=False, help_text='At the price that they would have had, had they been delivered.', verbose_name='failed messages are charged')),
                ('reported_prices', models.BooleanField(db_default=False, default=False, help_text="Where the network reports a price for a message: that, not below the floor, and at most the tier's.", verbose_name='marketing costs what the network reports')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='GatewayEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_id', models.CharField(max_length=120, unique=True)),
                ('kind', models.CharField(max_length=80)),
                ('object_id', models.CharField(blank=True, max_length=120)),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('applied_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='MeterBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('businesses', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('firsts', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Ids of deliveries, by business.', size=None)),
                ('lasts', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Ids of deliveries, by business.', size=None)),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session.', null=True)),
            ],
            options={
                'verbose_name_plural': 'meter batches',
            },
        ),
        migrations.CreateModel(
            name='BillingDetails',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('postcode', models.CharField(blank=True, max_length=20, verbose_name='postcode')),
                ('city', models.CharField(blank=True, max_length=80, verbose_name='city')),
                ('region', models.CharField(blank=True, help_text='Its code where tax depends on it: CA for California, MH for Maharashtra.', max_length=40, verbose_name='state or region')),
                ('registration', models.CharField(blank=True, help_text='In the register of companies, such as HRB 1234 or a SIREN.', max_length=60, verbose_name='company number')),
                ('contact_name', models.CharField(blank=True, max_length=80, verbose_name='contact')),
                ('phone', models.CharField(blank=True, max_length=40, verbose_name='telephone')),
                ('endpoint_scheme', models.CharField(blank=True, choices=billing.models.parties.endpoint_schemes, max_length=4, verbose_name='electronic address, scheme')),
                ('endpoint_id', models.CharField(blank=True, help_text='Where e-invoices go, such as a Peppol participant or a Leitweg-ID.', max_length=80, verbose_name='electronic address')),
                ('name', models.CharField(max_length=120, verbose_name='legal name')),
                ('address', models.TextField(blank=True, help_text='Up to three lines.', max_length=400, verbose_name='street and number')),
                ('country', models.CharField(max_length=2, verbose_name='country')),
                ('vat_id', models.CharField(blank=True, help_text='GSTIN in India, EIN in the United States.', max_length=40, validators=[billing.models.details.validate_vat_id], verbose_name='VAT id or other tax id')),
                ('reference', models.CharField(blank=True, help_text='On every invoice; for authorities in Germany the Leitweg-ID.', max_length=80, verbose_name='your reference')),
                ('order_number', models.CharField(blank=True, max_length=80, verbose_name='purchase order')),
                ('einvoice_format', models.CharField(choices=[('ubl', 'EN 16931, UBL'), ('cii', 'EN 16931, CII'), ('facturx', 'Factur-X (ZUGFeRD): XML inside the PDF'), ('xrechnung', 'XRechnung 3 (UBL)'), ('peppol', 'Peppol BIS Billing 3 (UBL)'), ('none', 'PDF only')], default='ubl', max_length=10, verbose_name='e-invoice')),
                ('language', models.CharField(choices=billing.models.details.document_languages, default='en', max_length=15, verbose_name='language of documents')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='invoices go to')),
                ('needs_approval', models.BooleanField(default=False, help_text='An operator approves each invoice first.')),
                ('auto_collect', models.BooleanField(default=True, verbose_name='pay automatically')),
                ('customer_id', models.CharField(blank=True, help_text='Stripe customer.', max_length=120)),
                ('method_id', models.CharField(blank=True, help_text='Stripe payment method.', max_length=120)),
                ('method_label', models.CharField(blank=True, help_text='Brand and last digits.', max_length=80)),
                ('business', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='billing_details', to='accounts.business')),
            ],
            options={
                'verbose_name_plural': 'billing details',
            },
        ),
        migrations.CreateModel(
            name='CashReceipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('method', models.CharField(choices=[('stripe', 'Card'), ('bank', 'Bank transfer'), ('balance', 'Credit balance')], max_length=10)),
                ('currency', models.CharField(max_length=3)),
                ('amount_minor', models.BigIntegerField()),
                ('fee_minor', models.BigIntegerField(default=0, help_text='What bank or network kept of it; the customer paid the amount.')),
                ('value_date', models.DateField(help_text='The day on which the bank credited it.')),
                ('reference', models.CharField(blank=True, help_text="The bank's text, or the network's id.", max_length=120)),
                ('key', models.CharField(help_text='Idempotency key of the deed.', max_length=80)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='accounts.business')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Charge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.BigIntegerField()),
                ('business_id', models.BigIntegerField()),
                ('month', models.DateField(help_text='The month it was delivered in; decides tier and card version.')),
                ('billed_month', models.DateField(help_text='The month whose invoice carries it.')),
                ('market', models.CharField(max_length=60)),
                ('category', models.CharField(max_length=30)),
                ('rule', models.CharField(choices=[('tier', 'Tier of the rate card'), ('service_in_window', 'Service is free in the 24-hour window'), ('utility_in_window', 'Utility is free in the 24-hour window'), ('free_entry', 'Free-entry window'), ('reaction', 'Reactions are free'), ('allowance', "Within the month's free messages of its number"), ('failed', 'Failed messages are charged'), ('reported', "As the network reported, at most the tier's price"), ('test', 'Of a test number: priced for show'), ('test_free', 'Of a test number, free by a rule of the card')], max_length=20)),
                ('position', models.PositiveBigIntegerField()),
                ('tier_id', models.BigIntegerField(blank=True, null=True)),
                ('version_id', models.BigIntegerField()),
                ('price_micros', models.BigIntegerField()),
                ('delivered_at', models.DateTimeField()),
                ('charged_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('reverses_id', models.BigIntegerField(blank=True, help_text='The ledger row that this one takes back.', null=True)),
                ('note', models.CharField(blank=True, db_default='', default='', help_text='Why it was reversed.', max_length=200)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('reverses_id__isnull', False)), fields=['business_id', 'month'], name='charge_reversals')],
                'constraints': [models.UniqueConstraint(fields=('message_id', 'reverses_id'), name='one_charge_per_message', nulls_distinct=False), models.UniqueConstraint(models.F('business_id'), models.F('month'), models.F('market'), models.F('category'), models.Case(models.When(rule__in=['failed', 'reported'], then=models.Value('tier')), default=models.F('rule')), models.F('position'), models.F('reverses_id'), name='one_charge_per_position', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('reverses_id', None), models.Q(('note', ''), _negated=True), _connector='OR'), name='reversal_has_a_reason')],
            },
        ),
        migrations.CreateModel(
            name='Commitment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('business_id', models.BigIntegerField()),
                ('number_id', models.BigIntegerField()),
                ('wamid', models.CharField(max_length=256)),
                ('price_micros', models.BigIntegerField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'indexes': [models.Index(fields=['business_id'], include=('price_micros',), name='commitment_sum')],
                'constraints': [models.UniqueConstraint(fields=('number_id', 'wamid'), name='one_commitment_per_message')],
            },
        ),
        migrations.CreateModel(
            name='CreditNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='Idempotency key: the same deed makes one credit note.', max_length=80)),
                ('number', models.CharField(max_length=40, unique=True)),
                ('use', models.CharField(choices=[('invoice', 'Reduces the open invoice'), ('refund', 'Paid back'), ('balance', 'Kept for the next invoice')], max_length=10)),
                ('reason', models.CharField(max_length=200)),
                ('currency', models.CharField(max_length=3)),
                ('seller', models.JSONField(default=dict)),
                ('buyer', models.JSONField(default=dict)),
                ('issued_at', models.DateTimeField()),
                ('issued_on', models.DateField(help_text='Date of the document and of its posting.')),
                ('taxes', models.JSONField(default=list)),
                ('seller_tax', models.JSONField(blank=True, default=dict)),
                ('subtotal_minor', models.BigIntegerField()),
                ('tax_minor', models.BigIntegerField()),
                ('total_minor', models.BigIntegerField()),
                ('reduces_minor', models.BigIntegerField(default=0, help_text='Taken off what is due on the invoice.')),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credit_notes', to='accounts.business')),
            ],
            options={
                'ordering': ['-issued_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Discount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('description', models.CharField(max_length=200)),
                ('percent', models.DecimalField(decimal_places=2, max_digits=5)),
                ('first_month', models.DateField(help_text='First day of the first month.')),
                ('last_month', models.DateField(blank=True, help_text='First day of the last month.', null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='discounts', to='accounts.business')),
            ],
        ),
        migrations.CreateModel(
            name='ExchangeRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(max_length=3)),
                ('day', models.DateField()),
                ('per_euro', models.DecimalField(decimal_places=6, max_digits=18)),
            ],
            options={
                'ordering': ['-day', 'currency'],
                'constraints': [models.UniqueConstraint(fields=('currency', 'day'), name='one_exchange_rate_per_currency_and_day'), models.CheckConstraint(condition=models.Q(('per_euro__gt', 0)), name='exchange_rate_is_positive')],
            },
        ),
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Since it last got anywhere; counted before the work begins.')),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, help_text='While a worker has it: until when nobody else takes it.', null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session of that worker; the lease ends with it.', null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('dead_at', models.DateTimeField(blank=True, help_text='When it was given up.', null=True)),
                ('kind', models.CharField(choices=[('zip', 'Documents of the invoices, one ZIP'), ('journal', 'Journal, CSV'), ('messages', 'Every message, XLSX')], max_length=10)),
                ('filters', models.JSONField(blank=True, default=billing.models.documents.no_filters)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('cancelled', 'Cancelled'), ('failed', 'Failed'), ('expired', 'Expired')], default='waiting', max_length=10)),
                ('done', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(blank=True, null=True)),
                ('error', models.CharField(blank=True, max_length=200)),
                ('name', models.CharField(blank=True, max_length=120)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('size', models.BigIntegerField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('asked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('business', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='exports', to='accounts.business')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(blank=True, max_length=40, null=True, unique=True)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('open', 'Open'), ('paid', 'Paid'), ('void', 'Void'), ('test', 'Test'), ('uncollectible', 'Uncollectible')], default='draft', max_length=20)),
                ('currency', models.CharField(max_length=3)),
                ('is_test', models.BooleanField(db_default=False, default=False, help_text='Of test traffic: shown, never owed.')),
                ('seller', models.JSONField(default=dict)),
                ('buyer', models.JSONField(default=dict)),
                ('issued_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('issued_on', models.DateField(blank=True, help_text='Date of the document, of its number and of its posting.', null=True)),
                ('due_at', models.DateTimeField()),
                ('paid_at', models.DateTimeField(blank=True, null=True)),
                ('voided_at', models.DateTimeField(blank=True, null=True)),
                ('written_off_at', models.DateTimeField(blank=True, null=True)),
                ('taxes', models.JSONField(default=list)),
                ('seller_tax', models.JSONField(blank=True, default=dict)),
                ('subtotal_minor', models.BigIntegerField(default=0)),
                ('tax_minor', models.BigIntegerField(default=0)),
                ('total_minor', models.BigIntegerField(default=0)),
                ('prepaid_minor', models.BigIntegerField(default=0, help_text="What the customer's balance paid of it as it was issued.")),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='accounts.business')),
                ('replaces', models.OneToOneField(blank=True, help_text='A void one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaced_by', to='billing.invoice')),
            ],
            options={
                'ordering': ['-issued_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='DunningStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.CharField(max_length=30)),
                ('taken_at', models.DateTimeField()),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='dunning_steps', to='billing.invoice')),
            ],
        ),
        migrations.CreateModel(
            name='Document',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=20)),
                ('name', models.CharField(max_length=120)),
                ('content_type', models.CharField(max_length=120)),
                ('sha256', models.CharField(max_length=64)),
                ('size', models.BigIntegerField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('credit_note', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='documents', to='billing.creditnote')),
                ('invoice', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='documents', to='billing.invoice')),
            ],
        ),
        migrations.AddField(
            model_name='creditnote',
            name='invoice',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='credit_notes', to='billing.invoice'),
        ),
        migrations.CreateModel(
            name='InvoiceLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('kind', models.CharField(choices=[('fee', 'Hosting fee'), ('messages', 'Messages'), ('late', 'Messages of an earlier month'), ('discount', 'Discount')], max_length=10)),
                ('description', models.CharField(max_length=200)),
                ('month', models.DateField()),
                ('market', models.CharField(blank=True, max_length=60)),
                ('category', models.CharField(blank=True, max_length=30)),
                ('rule', models.CharField(blank=True, max_length=20)),
                ('version_id', models.BigIntegerField(blank=True, null=True)),
                ('tier_id', models.BigIntegerField(blank=True, null=True)),
                ('tier_first', models.PositiveBigIntegerField(blank=True, null=True)),
                ('tier_last', models.PositiveBigIntegerField(blank=True, null=True)),
                ('quantity', models.BigIntegerField()),
                ('unit_price_micros', models.BigIntegerField()),
                ('amount_micros', models.BigIntegerField(help_text='Exact.')),
                ('amount_minor', models.BigIntegerField(help_text='Its share of the sum of exact amounts, which is rounded once.')),
                ('tax_category', models.CharField(default='O', max_length=2)),
                ('tax_percent', models.DecimalField(decimal_places=3, default=Decimal('0'), max_digits=6)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='billing.invoice')),
            ],
            options={
                'ordering': ['invoice', 'position'],
            },
        ),
        migrations.CreateModel(
            name='CreditNoteLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('kind', models.CharField(choices=[('fee', 'Hosting fee'), ('messages', 'Messages'), ('late', 'Messages of an earlier month'), ('discount', 'Discount')], max_length=10)),
                ('description', models.CharField(max_length=200)),
                ('month', models.DateField()),
                ('market', models.CharField(blank=True, max_length=60)),
                ('category', models.CharField(blank=True, max_length=30)),
                ('quantity', models.BigIntegerField(default=1)),
                ('amount_micros', models.BigIntegerField(help_text='Exact.')),
                ('amount_minor', models.BigIntegerField()),
                ('tax_category', models.CharField(default='O', max_length=2)),
                ('tax_percent', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=5)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('credit_note', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='billing.creditnote')),
                ('invoice_line', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='credits', to='billing.invoiceline')),
            ],
            options={
                'ordering': ['credit_note', 'position'],
            },
        ),
        migrations.CreateModel(
            name='LedgerAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('chart', models.CharField(choices=[('seller', 'Seller'), ('customer', 'Customer')], max_length=10)),
                ('role', models.CharField(choices=[('receivable', 'Trade receivables'), ('bank', 'Bank'), ('card', 'Card payments in transit'), ('unallocated', 'Payments not allocated yet'), ('balance', 'Customer credit balances'), ('tax', 'Tax'), ('hosting', 'Hosting fees'), ('messages', 'Messages'), ('discounts', 'Discounts'), ('fees', 'Fees of banks and payment networks'), ('bad_debt', 'Bad debts')], max_length=20)),
                ('number', models.CharField(max_length=20)),
                ('name', models.CharField(max_length=80)),
            ],
            options={
                'ordering': ['chart', 'number'],
                'constraints': [models.UniqueConstraint(fields=('chart', 'role'), name='one_account_per_role')],
            },
        ),
        migrations.CreateModel(
            name='Market',
            fields=[
                ('name', models.CharField(max_length=60, primary_key=True, serialize=False)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='market_once_whatever_the_case')],
            },
        ),
        migrations.CreateModel(
            name='CallingCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('prefix', models.CharField(max_length=7)),
                ('country', models.CharField(max_length=2)),
                ('valid_from', models.DateField()),
                ('valid_to', models.DateField(blank=True, help_text='First day it no longer holds.', null=True)),
                ('market', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='calling_codes', to='billing.market')),
            ],
        ),
        migrations.CreateModel(
            name='NumberSeries',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('prefix', models.CharField(max_length=20)),
                ('year', models.PositiveSmallIntegerField()),
                ('last', models.PositiveIntegerField(default=0)),
            ],
            options={
                'verbose_name_plural': 'number series',
                'constraints': [models.UniqueConstraint(fields=('prefix', 'year'), name='one_series_per_prefix_and_year')],
            },
        ),
        migrations.CreateModel(
            name='NumberTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('business_id', models.BigIntegerField()),
                ('month', models.DateField()),
                ('number_id', models.BigIntegerField()),
                ('messages', models.PositiveBigIntegerField()),
            ],
            options={
                'verbose_name_plural': 'number tallies',
                'constraints': [models.UniqueConstraint(fields=('business_id', 'month', 'number_id'), name='one_number_tally')],
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempt', models.PositiveIntegerField()),
                ('method', models.CharField(choices=[('stripe', 'Card'), ('bank', 'Bank transfer'), ('balance', 'Credit balance')], max_length=10)),
                ('status', models.CharField(choices=[('open', 'To be tried'), ('pending', 'Waits for the customer or the network'), ('unknown', 'Result unknown'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='open', max_length=10)),
                ('amount_minor', models.BigIntegerField()),
                ('allocated_minor', models.BigIntegerField(default=0, help_text='What it pays of the invoice; 0 until it succeeded.')),
                ('currency', models.CharField(max_length=3)),
                ('key', models.CharField(help_text='Idempotency key, stable across retries.', max_length=80, unique=True)),
                ('reference', models.CharField(blank=True, help_text="The network's id, or the bank's text.", max_length=120)),
                ('is_automatic', models.BooleanField(default=False)),
                ('failure', models.CharField(blank=True, max_length=200)),
                ('next_url', models.URLField(blank=True, help_text='Where the customer must go on.', max_length=500)),
                ('asked_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='accounts.business')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='billing.invoice')),
                ('receipt', models.ForeignKey(blank=True, help_text='The money that it is a part of.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='billing.cashreceipt')),
            ],
            options={
                'ordering': ['invoice', 'attempt'],
            },
        ),
        migrations.CreateModel(
            name='Period',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(help_text='First day of the month.')),
                ('currency', models.CharField(blank=True, default='', editable=False, help_text="What the month is billed in: the business's when it began; filled in by the database.", max_length=3)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('closed', 'Closed')], default='open', max_length=10)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='periods', to='accounts.business')),
            ],
        ),
        migrations.AddField(
            model_name='invoice',
            name='period',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='billing.period'),
        ),
        migrations.AddField(
            model_name='creditnote',
            name='period',
            field=models.ForeignKey(blank=True, help_text='The month that it is instead of an invoice of.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='credit_notes', to='billing.period'),
        ),
        migrations.CreateModel(
            name='Posting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.CharField(help_text='Kind and id, such as invoice:12.', max_length=40)),
                ('position', models.PositiveIntegerField()),
                ('posted_on', models.DateField()),
                ('role', models.CharField(choices=[('receivable', 'Trade receivables'), ('bank', 'Bank'), ('card', 'Card payments in transit'), ('unallocated', 'Payments not allocated yet'), ('balance', 'Customer credit balances'), ('tax', 'Tax'), ('hosting', 'Hosting fees'), ('messages', 'Messages'), ('discounts', 'Discounts'), ('fees', 'Fees of banks and payment networks'), ('bad_debt', 'Bad debts')], max_length=20)),
                ('amount_minor', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('document', models.CharField(blank=True, max_length=40)),
                ('customer', models.CharField(blank=True, max_length=120)),
                ('tax_category', models.CharField(blank=True, max_length=2)),
                ('tax_percent', models.CharField(blank=True, max_length=8)),
                ('text', models.CharField(blank=True, max_length=200)),
                ('reference', models.CharField(blank=True, max_length=120)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='postings', to='accounts.business')),
            ],
            options={
                'ordering': ['posted_on', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Quarantine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.BigIntegerField(unique=True)),
                ('business_id', models.BigIntegerField()),
                ('number_id', models.BigIntegerField()),
                ('recipient', models.CharField(max_length=150)),
                ('category', models.CharField(max_length=30)),
                ('window_open', models.BooleanField()),
                ('free_entry', models.BooleanField()),
                ('free_entry_at', models.DateTimeField(blank=True, null=True)),
                ('kind', models.CharField(blank=True, db_default='', max_length=20)),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('delivered_at', models.DateTimeField()),
                ('failed', models.BooleanField(db_default=False, default=False)),
                ('reason', models.CharField(choices=[('no_card', 'No rate card version for this business and month'), ('no_rate', 'The rate card has no price for this market and category'), ('no_period', 'No open period to bill it in'), ('error', 'Pricing it failed with an error'), ('worker_lost', 'Each worker that priced it ended without a word')], max_length=20)),
                ('error', models.TextField(blank=True, db_default='', default='', help_text='What the database said, if it failed.')),
                ('quarantined_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name_plural': 'quarantine',
                'indexes': [models.Index(condition=models.Q(('failed', True)), fields=['message_id'], name='quarantine_failed')],
            },
        ),
        migrations.CreateModel(
            name='Rate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('category', models.CharField(choices=[('marketing', 'Marketing'), ('utility', 'Utility'), ('authentication', 'Authentication'), ('authentication-international', 'Authentication, international'), ('service', 'Service')], max_length=30)),
                ('market', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.market')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rates', to='billing.cardversion')),
            ],
        ),
        migrations.CreateModel(
            name='RateCard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True)),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('floor_micros', models.BigIntegerField()),
                ('ceiling_micros', models.BigIntegerField()),
                ('is_cost', models.BooleanField(db_default=False, default=False, help_text='What the upstream charges us; nobody is billed by it. The front page shows the margin.')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('ceiling_micros__gte', models.F('floor_micros')), ('floor_micros__gte', 0)), name='card_floor_below_ceiling'), models.UniqueConstraint(condition=models.Q(('is_cost', True)), fields=('currency',), name='one_cost_card_per_currency')],
            },
        ),
        migrations.CreateModel(
            name='DefaultCard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('valid_from', models.DateField(help_text='First day of a month.')),
                ('card', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='default_from', to='billing.ratecard')),
            ],
        ),
        migrations.AddField(
            model_name='cardversion',
            name='card',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='billing.ratecard'),
        ),
        migrations.CreateModel(
            name='CardChoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('discount_percent', models.DecimalField(decimal_places=2, default=Decimal('0'), help_text="Off every tier's price, rounded half-even to a micro-unit; never below the card's floor.", max_digits=4)),
                ('valid_from', models.DateField(default=datetime.date(2025, 1, 1), help_text='First day of a month.')),
                ('valid_to', models.DateField(blank=True, help_text='First day it no longer holds.', null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='card_choices', to='accounts.business')),
                ('card', models.ForeignKey(blank=True, help_text="Empty: the default card of the business's currency.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='followers', to='billing.ratecard')),
            ],
        ),
        migrations.CreateModel(
            name='Recount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(blank=True, help_text='Its first day; empty: all months.', null=True)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('asked_by', models.CharField(default='parley', max_length=254)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('differences', models.JSONField(default=list)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('finished_at', None)), fields=['id'], name='recount_open')],
            },
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(max_length=3)),
                ('status', models.CharField(choices=[('open', 'To be tried'), ('pending', 'Waits for the customer or the network'), ('unknown', 'Result unknown'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='open', max_length=10)),
                ('amount_minor', models.BigIntegerField()),
                ('key', models.CharField(max_length=80, unique=True)),
                ('reference', models.CharField(blank=True, max_length=120)),
                ('failure', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('credit_note', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='billing.creditnote')),
                ('payment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='billing.payment')),
                ('receipt', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='billing.cashreceipt')),
            ],
        ),
        migrations.CreateModel(
            name='Seller',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('postcode', models.CharField(blank=True, max_length=20, verbose_name='postcode')),
                ('city', models.CharField(blank=True, max_length=80, verbose_name='city')),
                ('region', models.CharField(blank=True, help_text='Its code where tax depends on it: CA for California, MH for Maharashtra.', max_length=40, verbose_name='state or region')),
                ('registration', models.CharField(blank=True, help_text='In the register of companies, such as HRB 1234 or a SIREN.', max_length=60, verbose_name='company number')),
                ('contact_name', models.CharField(blank=True, max_length=80, verbose_name='contact')),
                ('phone', models.CharField(blank=True, max_length=40, verbose_name='telephone')),
                ('endpoint_scheme', models.CharField(blank=True, choices=billing.models.parties.endpoint_schemes, max_length=4, verbose_name='electronic address, scheme')),
                ('endpoint_id', models.CharField(blank=True, help_text='Where e-invoices go, such as a Peppol participant or a Leitweg-ID.', max_length=80, verbose_name='electronic address')),
                ('name', models.CharField(max_length=120)),
                ('address', models.TextField(blank=True)),
                ('country', models.CharField(default='US', max_length=2)),
                ('vat_id', models.CharField(blank=True, max_length=40, validators=[billing.models.details.validate_vat_id])),
                ('email', models.EmailField(blank=True, max_length=254)),
                ('number_prefix', models.CharField(default='INV', max_length=20)),
                ('credit_prefix', models.CharField(default='CN', max_length=20)),
                ('tax_number', models.CharField(blank=True, help_text='Of the tax office, where there is no VAT id: a German Steuernummer.', max_length=40)),
                ('is_small_business', models.BooleanField(default=False, help_text='Exempt as a small business: no tax is charged at home.')),
                ('iban', models.CharField(blank=True, max_length=40, validators=[billing.models.invoices.validate_iban])),
                ('timezone', models.CharField(default='UTC', help_text="In which a document's day is counted.", max_length=64, validators=[accounts.models.businesses.known_timezone])),
                ('bic', models.CharField(blank=True, max_length=11, validators=[billing.models.invoices.validate_bic])),
                ('bank', models.CharField(blank=True, help_text='Name of the bank.', max_length=80)),
                ('terms_days', models.PositiveIntegerField(default=14, help_text='Days until an invoice is due.')),
                ('is_current', models.BooleanField(default=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_current', True)), fields=('is_current',), name='one_current_seller')],
            },
        ),
        migrations.CreateModel(
            name='SpendAlert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField()),
                ('percent', models.PositiveSmallIntegerField()),
                ('limit_micros', models.BigIntegerField()),
                ('spent_micros', models.BigIntegerField()),
                ('raised_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('mailed_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='spend_alerts', to='accounts.business')),
            ],
        ),
        migrations.CreateModel(
            name='SpendCap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('limit_micros', models.BigIntegerField(help_text="Millionths of the business's currency.")),
                ('currency', models.CharField(blank=True, default='', editable=False, help_text="The business's, which cannot change while the cap stands; filled in by the database.", max_length=3)),
                ('is_hard', models.BooleanField(default=True, help_text='Refuse sends that might exceed it; else only warn.')),
                ('business', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='spend_cap', to='accounts.business')),
            ],
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('business_id', models.BigIntegerField()),
                ('month', models.DateField()),
                ('market', models.CharField(max_length=60)),
                ('category', models.CharField(max_length=30)),
                ('rule', models.CharField(choices=[('tier', 'Tier of the rate card'), ('service_in_window', 'Service is free in the 24-hour window'), ('utility_in_window', 'Utility is free in the 24-hour window'), ('free_entry', 'Free-entry window'), ('reaction', 'Reactions are free'), ('allowance', "Within the month's free messages of its number"), ('failed', 'Failed messages are charged'), ('reported', "As the network reported, at most the tier's price"), ('test', 'Of a test number: priced for show'), ('test_free', 'Of a test number, free by a rule of the card')], max_length=20)),
                ('positions', models.PositiveBigIntegerField()),
            ],
            options={
                'verbose_name_plural': 'tallies',
                'constraints': [models.UniqueConstraint(fields=('business_id', 'month', 'market', 'category', 'rule'), name='one_tally')],
            },
        ),
        migrations.CreateModel(
            name='TaxCountry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('valid_from', models.DateField(default=datetime.date(2025, 1, 1))),
                ('valid_to', models.DateField(blank=True, help_text='First day it no longer holds.', null=True)),
                ('source', models.CharField(blank=True, help_text='Law or page that says so, for who checks it.', max_length=200)),
                ('country', models.CharField(max_length=2, validators=[django.core.validators.RegexValidator('^[A-Z]{2}$', 'Two capital letters, such as DE.')])),
                ('scheme', models.CharField(choices=[('eu', 'VAT of the European Union'), ('vat', 'VAT or GST with one rate'), ('india', 'GST of India, by states'), ('states', 'Sales tax by states')], default='vat', max_length=10)),
                ('tax_name', models.CharField(help_text='On documents, such as VAT.', max_length=20)),
                ('id_name', models.CharField(help_text='Of the tax id, such as GSTIN.', max_length=20)),
                ('currency', models.CharField(help_text='In which the tax is accounted for.', max_length=3)),
                ('abroad', models.CharField(choices=[('export', 'Not taxable there'), ('zero', 'Taxed at zero'), ('outside', 'Outside the tax')], default='export', max_length=10)),
                ('charges_businesses', models.BooleanField(default=False, help_text='A foreign seller who is registered here charges businesses as well.')),
            ],
            options={
                'verbose_name_plural': 'tax countries',
                'ordering': ['country', 'valid_from'],
                'constraints': [models.UniqueConstraint(fields=('country', 'valid_from'), name='one_tax_law_per_country_and_day'), models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='tax_law_order')],
            },
        ),
        migrations.CreateModel(
            name='TaxRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('valid_from', models.DateField(default=datetime.date(2025, 1, 1))),
                ('valid_to', models.DateField(blank=True, help_text='First day it no longer holds.', null=True)),
                ('source', models.CharField(blank=True, help_text='Law or page that says so, for who checks it.', max_length=200)),
                ('place', models.CharField(help_text='Such as DE, or US-TX for a state.', max_length=6, validators=[django.core.validators.RegexValidator('^[A-Z]{2}(-[A-Z0-9]{1,3})?$', 'A country, or a country and its region: DE, US-CA.')])),
                ('percent', models.DecimalField(decimal_places=3, max_digits=6)),
            ],
            options={
                'ordering': ['place', 'valid_from'],
                'constraints': [models.UniqueConstraint(fields=('place', 'valid_from'), name='one_tax_rate_per_place_and_day'), models.CheckConstraint(condition=models.Q(('percent__gte', 0), ('percent__lte', 100)), name='tax_rate_is_a_percentage'), models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='tax_rate_order')],
            },
        ),
        migrations.CreateModel(
            name='TaxRegion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('country', models.CharField(max_length=2, validators=[django.core.validators.RegexValidator('^[A-Z]{2}$', 'Two capital letters, such as DE.')])),
                ('code', models.CharField(help_text='ISO 3166-2 without the country: CA.', max_length=3)),
                ('name', models.CharField(max_length=80)),
                ('number', models.CharField(blank=True, max_length=2)),
                ('tax_name', models.CharField(blank=True, help_text="Of the state's share of the tax, such as SGST.", max_length=20)),
            ],
            options={
                'ordering': ['country', 'name'],
                'constraints': [models.UniqueConstraint(fields=('country', 'code'), name='one_region_per_code')],
            },
        ),
        migrations.CreateModel(
            name='TaxRegistration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.CharField(help_text='Such as GB, EU, or US-TX for a state.', max_length=6, validators=[django.core.validators.RegexValidator('^[A-Z]{2}(-[A-Z0-9]{1,3})?$', 'A country, or a country and its region: DE, US-CA.')])),
                ('number', models.CharField(max_length=40)),
                ('valid_from', models.DateField()),
                ('valid_to', models.DateField(blank=True, help_text='First day it no longer holds.', null=True)),
                ('seller', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='registrations', to='billing.seller')),
            ],
            options={
                'ordering': ['place', 'valid_from'],
            },
        ),
        migrations.CreateModel(
            name='TaxTerritory',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('valid_from', models.DateField(default=datetime.date(2025, 1, 1))),
                ('valid_to', models.DateField(blank=True, help_text='First day it no longer holds.', null=True)),
                ('source', models.CharField(blank=True, help_text='Law or page that says so, for who checks it.', max_length=200)),
                ('name', models.CharField(max_length=80)),
                ('country', models.CharField(max_length=2, validators=[django.core.validators.RegexValidator('^[A-Z]{2}$', 'Two capital letters, such as DE.')])),
                ('postcodes', models.CharField(blank=True, help_text='Regular expression of its postcodes; empty: the whole country.', max_length=80)),
                ('taxed_as', models.CharField(help_text='Country whose tax it has, or a code of its own where no law is on file.', max_length=6, validators=[django.core.validators.RegexValidator('^[A-Z]{2}(-[A-Z0-9]{1,3})?$', 'A country, or a country and its region: DE, US-CA.')])),
                ('supplies', models.CharField(choices=[('all', 'Goods and services'), ('goods', 'Goods only')], default='all', max_length=10)),
            ],
            options={
                'verbose_name_plural': 'tax territories',
                'ordering': ['country', 'name'],
                'constraints': [models.UniqueConstraint(fields=('country', 'name', 'valid_from'), name='one_territory_per_name_and_day'), models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='tax_territory_order')],
            },
        ),
        migrations.CreateModel(
            name='Tier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first', models.PositiveBigIntegerField()),
                ('last', models.PositiveBigIntegerField(blank=True, null=True)),
                ('price_micros', models.BigIntegerField()),
                ('rate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tiers', to='billing.rate')),
            ],
            options={
                'ordering': ['rate', 'first'],
            },
        ),
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('business_id', models.BigIntegerField()),
                ('billed_month', models.DateField()),
                ('month', models.DateField()),
                ('market', models.CharField(max_length=60)),
                ('category', models.CharField(max_length=30)),
                ('rule', models.CharField(choices=[('tier', 'Tier of the rate card'), ('service_in_window', 'Service is free in the 24-hour window'), ('utility_in_window', 'Utility is free in the 24-hour window'), ('free_entry', 'Free-entry window'), ('reaction', 'Reactions are free'), ('allowance', "Within the month's free messages of its number"), ('failed', 'Failed messages are charged'), ('reported', "As the network reported, at most the tier's price"), ('test', 'Of a test number: priced for show'), ('test_free', 'Of a test number, free by a rule of the card')], max_length=20)),
                ('version_id', models.BigIntegerField()),
                ('tier_id', models.BigIntegerField(default=0)),
                ('price_micros', models.BigIntegerField(help_text='Of each; 0 where prices differ: reported.')),
                ('messages', models.BigIntegerField()),
                ('amount_micros', models.BigIntegerField()),
            ],
            options={
                'verbose_name_plural': 'usage',
                'constraints': [models.UniqueConstraint(fields=('business_id', 'billed_month', 'month', 'market', 'category', 'rule', 'version_id', 'tier_id'), name='one_usage_row')],
            },
        ),
        migrations.AddConstraint(
            model_name='cashreceipt',
            constraint=models.UniqueConstraint(fields=('business', 'key'), name='one_receipt_per_deed'),
        ),
        migrations.AddConstraint(
            model_name='cashreceipt',
            constraint=models.UniqueConstraint(condition=models.Q(('reference', ''), _negated=True), fields=('business', 'method', 'reference', 'amount_minor'), name='receipt_reference_once', violation_error_message='This transfer was recorded before.'),
        ),
        migrations.AddConstraint(
            model_name='cashreceipt',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='receipt_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='cashreceipt',
            constraint=models.CheckConstraint(condition=models.Q(('fee_minor__gte', 0), ('fee_minor__lte', models.F('amount_minor'))), name='receipt_fee_within_amount'),
        ),
        migrations.AddConstraint(
            model_name='cashreceipt',
            constraint=models.CheckConstraint(condition=models.Q(('method__in', ['bank', 'stripe'])), name='receipt_is_money'),
        ),
        migrations.AddConstraint(
            model_name='discount',
            constraint=models.CheckConstraint(condition=models.Q(('percent__gt', 0), ('percent__lte', 100)), name='discount_is_a_percentage'),
        ),
        migrations.AddIndex(
            model_name='export',
            index=models.Index(django.db.models.functions.comparison.Coalesce('business', models.Value(0)), models.F('not_before'), models.F('id'), condition=models.Q(('dead_at', None), ('state__in', ['waiting', 'running'])), name='finance_export_due'),
        ),
        migrations.AddIndex(
            model_name='export',
            index=models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['-id'], name='finance_export_dead'),
        ),
        migrations.AddConstraint(
            model_name='dunningstep',
            constraint=models.UniqueConstraint(fields=('invoice', 'step'), name='dunning_step_once'),
        ),
        migrations.AddConstraint(
            model_name='document',
            constraint=models.UniqueConstraint(fields=('invoice', 'kind'), name='one_document_per_invoice_and_kind'),
        ),
        migrations.AddConstraint(
            model_name='document',
            constraint=models.UniqueConstraint(fields=('credit_note', 'kind'), name='one_document_per_credit_note_and_kind'),
        ),
        migrations.AddConstraint(
            model_name='document',
            constraint=models.CheckConstraint(condition=models.Q(('invoice', None), ('credit_note', None), _connector='XOR'), name='document_is_of_one_paper'),
        ),
        migrations.AddConstraint(
            model_name='invoiceline',
            constraint=models.UniqueConstraint(fields=('invoice', 'position'), name='line_position_once'),
        ),
        migrations.AddConstraint(
            model_name='creditnoteline',
            constraint=models.UniqueConstraint(fields=('credit_note', 'position'), name='credit_line_position_once'),
        ),
        migrations.AddConstraint(
            model_name='creditnoteline',
            constraint=models.UniqueConstraint(fields=('credit_note', 'invoice_line'), name='one_credit_per_line_and_note'),
        ),
        migrations.AddIndex(
            model_name='callingcode',
            index=models.Index(fields=['prefix'], name='calling_code_prefix'),
        ),
        migrations.AddConstraint(
            model_name='callingcode',
            constraint=models.CheckConstraint(condition=models.Q(('prefix__regex', '^[1-9][0-9]{0,6}$')), name='calling_code_digits'),
        ),
        migrations.AddConstraint(
            model_name='callingcode',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='calling_code_dates_in_order'),
        ),
        migrations.AddConstraint(
            model_name='callingcode',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__day', 1), models.Q(('valid_to', None), ('valid_to__day', 1), _connector='OR')), name='calling_code_starts_a_month'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(fields=('invoice', 'attempt'), name='attempt_once_per_invoice'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['open', 'pending', 'unknown'])), fields=('invoice',), name='one_live_payment_per_invoice'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('method', 'stripe'), models.Q(('reference', ''), _negated=True)), fields=('reference',), name='payment_reference_once'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='payment_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('allocated_minor', 0), models.Q(('allocated_minor__gt', 0), ('allocated_minor__lte', models.F('amount_minor')), ('status', 'succeeded')), _connector='OR'), name='allocated_within_payment'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('method', 'balance'), ('receipt', None)), models.Q(models.Q(('method', 'balance'), _negated=True), ('receipt__isnull', False)), models.Q(models.Q(('method', 'balance'), _negated=True), models.Q(('status', 'succeeded'), _negated=True)), _connector='OR'), name='money_has_a_receipt'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.UniqueConstraint(fields=('business', 'month'), name='one_period_per_month'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.CheckConstraint(condition=models.Q(('month__day', 1)), name='period_starts_a_month'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='period_edges_in_order'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(('number__isnull', False), ('status__in', ['draft', 'void']), _connector='OR'), name='issued_invoice_has_number'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('issued_on', None), ('number', None)), models.Q(('issued_on__isnull', False), ('number__isnull', False)), _connector='OR'), name='numbered_invoice_has_date'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(('subtotal_minor__gte', 0), ('tax_minor__gte', 0)), name='invoice_is_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(('prepaid_minor__gte', 0), ('prepaid_minor__lte', models.F('total_minor'))), name='prepaid_within_total'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('is_test', True), ('status__in', ['draft', 'test', 'void'])), models.Q(('is_test', False), models.Q(('status', 'test'), _negated=True)), _connector='OR'), name='test_invoice_is_never_owed'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(('total_minor', django.db.models.expressions.CombinedExpression(models.F('subtotal_minor'), '+', models.F('tax_minor')))), name='total_is_sum'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'void'), _negated=True), fields=('business', 'period', 'is_test'), name='one_live_invoice_per_period'),
        ),
        migrations.AddConstraint(
            model_name='creditnote',
            constraint=models.CheckConstraint(condition=models.Q(('total_minor__gt', 0)), name='credit_note_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='creditnote',
            constraint=models.CheckConstraint(condition=models.Q(('total_minor', django.db.models.expressions.CombinedExpression(models.F('subtotal_minor'), '+', models.F('tax_minor')))), name='credit_total_is_sum'),
        ),
        migrations.AddConstraint(
            model_name='creditnote',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reduces_minor', models.F('total_minor')), ('use', 'invoice')), models.Q(models.Q(('use', 'invoice'), _negated=True), ('reduces_minor__gte', 0), ('reduces_minor__lt', models.F('total_minor'))), _connector='OR'), name='credit_is_used_once'),
        ),
        migrations.AddConstraint(
            model_name='creditnote',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('invoice__isnull', False), ('period', None)), models.Q(('invoice', None), ('period__isnull', False), ('reduces_minor', 0)), _connector='OR'), name='credit_is_of_invoice_or_month'),
        ),
        migrations.AddConstraint(
            model_name='creditnote',
            constraint=models.UniqueConstraint(fields=('business', 'key'), name='one_credit_note_per_deed'),
        ),
        migrations.AddConstraint(
            model_name='creditnote',
            constraint=models.UniqueConstraint(condition=models.Q(('period__isnull', False)), fields=('business', 'period'), name='one_credit_note_per_month'),
        ),
        migrations.AddIndex(
            model_name='posting',
            index=models.Index(fields=['business', 'posted_on', 'id'], name='posting_by_day'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.UniqueConstraint(fields=('business', 'event', 'position'), name='event_is_posted_once'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor', 0), _negated=True), name='posting_has_an_amount'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.UniqueConstraint(fields=('version', 'market', 'category'), name='one_rate_per_market_and_category'),
        ),
        migrations.AddConstraint(
            model_name='defaultcard',
            constraint=models.UniqueConstraint(fields=('currency', 'valid_from'), name='one_default_card_per_currency_and_month'),
        ),
        migrations.AddConstraint(
            model_name='defaultcard',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__day', 1)), name='default_card_starts_a_month'),
        ),
        migrations.AddConstraint(
            model_name='cardversion',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__day', 1), models.Q(('valid_to', None), ('valid_to__day', 1), _connector='OR')), name='card_version_starts_a_month'),
        ),
        migrations.AddConstraint(
            model_name='cardversion',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='card_version_dates_in_order'),
        ),
        migrations.AddConstraint(
            model_name='cardversion',
            constraint=models.CheckConstraint(condition=models.Q(('ceiling_micros__gte', models.F('floor_micros')), ('floor_micros__gte', 0)), name='version_floor_below_ceiling'),
        ),
        migrations.AddConstraint(
            model_name='cardchoice',
            constraint=models.CheckConstraint(condition=models.Q(('discount_percent__gte', 0), ('discount_percent__lt', 100)), name='discount_below_all'),
        ),
        migrations.AddConstraint(
            model_name='cardchoice',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__day', 1), models.Q(('valid_to', None), ('valid_to__day', 1), _connector='OR')), name='card_choice_starts_a_month'),
        ),
        migrations.AddConstraint(
            model_name='cardchoice',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='card_choice_dates_in_order'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='refund_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(fields=('payment', 'credit_note'), name='one_refund_per_payment_and_note'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('credit_note__isnull', False), ('payment__isnull', False), ('receipt', None)), models.Q(('credit_note', None), ('payment', None)), _connector='OR'), name='refund_has_one_source'),
        ),
        migrations.AddIndex(
            model_name='spendalert',
            index=models.Index(condition=models.Q(('mailed_at', None)), fields=['id'], name='alert_open'),
        ),
        migrations.AddConstraint(
            model_name='spendalert',
            constraint=models.UniqueConstraint(fields=('business', 'month', 'percent'), name='one_alert_per_share_and_month'),
        ),
        migrations.AddConstraint(
            model_name='spendcap',
            constraint=models.CheckConstraint(condition=models.Q(('limit_micros__gte', 0)), name='spend_cap_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='taxregistration',
            constraint=models.UniqueConstraint(fields=('seller', 'place', 'valid_from'), name='one_registration_per_place_and_day'),
        ),
        migrations.AddConstraint(
            model_name='taxregistration',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='tax_registration_order'),
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.UniqueConstraint(fields=('rate', 'first'), name='one_tier_per_first_position'),
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.CheckConstraint(condition=models.Q(('first__gte', 1)), name='tier_first_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.CheckConstraint(condition=models.Q(('last', None), ('last__gte', models.F('first')), _connector='OR'), name='tier_positions_in_order'),
        ),
    ]
