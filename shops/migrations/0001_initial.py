import core.encryption
import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.utils.timezone
import hosting.models.numbers
import shops.models.carts
import shops.models.orders
import uuid
from django.conf import settings
from core.schema import InitialMigration
from django.db import migrations, models


class Migration(InitialMigration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('hosting', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Catalog',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('catalog_id', models.CharField(default=hosting.models.numbers.new_graph_id, max_length=64, unique=True)),
                ('upstream_id', models.CharField(blank=True, help_text="The catalogue's id at the upstream.", max_length=64)),
                ('name', models.CharField(max_length=120)),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('currency', models.CharField(max_length=3)),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'Deutsch')], default='en', help_text='In which the shop writes to its buyers.', max_length=15)),
                ('tax_included', models.BooleanField(default=True, help_text='Whether prices hold the tax already.')),
                ('is_open', models.BooleanField(default=True, help_text='Closed shops show their page and take no orders.')),
                ('takes_card', models.BooleanField(default=True)),
                ('takes_cash', models.BooleanField(default=False, help_text='Cash on delivery.')),
                ('takes_transfer', models.BooleanField(default=False)),
                ('bank_details', models.CharField(blank=True, help_text='Shown to buyers who pay by transfer.', max_length=500)),
                ('hold_minutes', models.PositiveIntegerField(default=60, help_text='How long an order keeps its goods without being paid.', validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(10080)])),
                ('last_order', models.PositiveIntegerField(default=0, editable=False)),
                ('stripe_key', core.encryption.EncryptedTextField(blank=True, help_text="The seller's own secret key: buyers' money goes to the seller.", null=True)),
                ('stripe_webhook_secret', core.encryption.EncryptedTextField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='catalogs', to='accounts.business')),
                ('number', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='catalogs', to='hosting.number')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Cart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(default=shops.models.carts.new_code, max_length=10, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField(db_index=True, default=shops.models.carts.default_expiry)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('conversation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='carts', to='hosting.conversation')),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='carts', to='shops.catalog')),
            ],
        ),
        migrations.CreateModel(
            name='CatalogImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Since it last got anywhere; counted before the work begins.')),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, help_text='While a worker has it: until when nobody else takes it.', null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session of that worker; the lease ends with it.', null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('dead_at', models.DateTimeField(blank=True, help_text='When it was given up.', null=True)),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('path', models.CharField(blank=True, help_text='Where its file lies in the storage.', max_length=200)),
                ('size', models.PositiveBigIntegerField(default=0, help_text='Bytes of its file.')),
                ('total', models.PositiveBigIntegerField(default=0, help_text='Messages there are.')),
                ('processed', models.PositiveBigIntegerField(default=0, help_text='Messages done.')),
                ('position', models.JSONField(default=dict, help_text='Where the next slice begins.')),
                ('error', models.TextField(blank=True)),
                ('stopped_in', models.CharField(blank=True, help_text='The state in which it was given up.', max_length=10)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('filename', models.CharField(max_length=240)),
                ('state', models.CharField(choices=[('reading', 'Being read'), ('ready', 'Waits for your go'), ('running', 'Being imported'), ('done', 'Imported'), ('cancelled', 'Cancelled'), ('failed', 'Failed')], default='reading', max_length=10)),
                ('columns', models.JSONField(default=list, help_text='Columns of the file that are understood.')),
                ('ignored', models.JSONField(default=list, help_text='Columns of the file that are not.')),
                ('sample', models.JSONField(default=list, help_text='The first good rows.')),
                ('bad', models.PositiveIntegerField(default=0, help_text='Rows with something wrong, which are left out.')),
                ('known', models.PositiveIntegerField(default=0, help_text='Good rows of products that are there already.')),
                ('added', models.PositiveIntegerField(default=0, help_text='Products that were new.')),
                ('changed', models.PositiveIntegerField(default=0, help_text='Products that were there and are different now.')),
                ('author', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='catalog_imports', to='accounts.business')),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='imports', to='shops.catalog')),
            ],
        ),
        migrations.CreateModel(
            name='Collection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('slug', models.SlugField(max_length=80)),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('catalog', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='collections', to='shops.catalog')),
            ],
            options={
                'ordering': ['position', 'name'],
            },
        ),
        migrations.CreateModel(
            name='DeliveryMethod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('price_minor', models.BigIntegerField(default=0)),
                ('tax_percent', models.DecimalField(decimal_places=2, default=0, max_digits=5)),
                ('needs_address', models.BooleanField(default=True, help_text='Pick-up needs none.')),
                ('countries', models.CharField(blank=True, help_text='Two-letter codes; empty: everywhere.', max_length=200)),
                ('is_active', models.BooleanField(default=True)),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='delivery_methods', to='shops.catalog')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ImportProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('row', models.PositiveIntegerField(help_text='Counted as spreadsheets do: the headings are row 1.')),
                ('column', models.CharField(max_length=60)),
                ('value', models.CharField(blank=True, max_length=120)),
                ('reason', models.CharField(max_length=300)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.business')),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='problems', to='shops.catalogimport')),
            ],
        ),
        migrations.CreateModel(
            name='IncomingOrder',
            fields=[
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Since it last got anywhere; counted before the work begins.')),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, help_text='While a worker has it: until when nobody else takes it.', null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session of that worker; the lease ends with it.', null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('dead_at', models.DateTimeField(blank=True, help_text='When it was given up.', null=True)),
                ('message', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='hosting.message')),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.business')),
            ],
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text='Counted per catalogue, without gaps.')),
                ('token', models.CharField(default=shops.models.orders.new_token, max_length=40, unique=True)),
                ('state', models.CharField(choices=[('placed', 'Placed'), ('confirmed', 'Confirmed'), ('packed', 'Packed'), ('shipped', 'Shipped'), ('delivered', 'Delivered'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], default='placed', max_length=10)),
                ('way', models.CharField(blank=True, choices=[('card', 'Card'), ('cash', 'Cash on delivery'), ('transfer', 'Bank transfer')], max_length=10)),
                ('currency', models.CharField(max_length=3)),
                ('tax_included', models.BooleanField()),
                ('subtotal_minor', models.BigIntegerField()),
                ('delivery_minor', models.BigIntegerField(default=0)),
                ('delivery_tax_percent', models.DecimalField(decimal_places=2, default=0, max_digits=5)),
                ('tax_minor', models.BigIntegerField()),
                ('total_minor', models.BigIntegerField()),
                ('paid_minor', models.BigIntegerField(default=0)),
                ('refunded_minor', models.BigIntegerField(default=0)),
                ('delivery_name', models.CharField(blank=True, help_text='Empty until the buyer has chosen.', max_length=80)),
                ('address', models.JSONField(blank=True, default=dict, help_text='name, street, city, postcode, region, country, phone.')),
                ('buyer_note', models.CharField(blank=True, max_length=1000)),
                ('tracking', models.CharField(blank=True, help_text="Carrier's number or address.", max_length=200)),
                ('reason', models.CharField(blank=True, help_text='Why it was cancelled.', max_length=200)),
                ('expires_at', models.DateTimeField(help_text='Until when goods are held without payment.')),
                ('placed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('paid_at', models.DateTimeField(blank=True, null=True)),
                ('packed_at', models.DateTimeField(blank=True, null=True)),
                ('shipped_at', models.DateTimeField(blank=True, null=True)),
                ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, help_text='Cancelled or expired.', null=True)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='accounts.business')),
                ('cart', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='order', to='shops.cart')),
                ('catalog', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='shops.catalog')),
                ('conversation', models.ForeignKey(blank=True, help_text='With the buyer; empty once the buyer was erased.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='orders', to='hosting.conversation')),
                ('message', models.OneToOneField(blank=True, db_constraint=False, help_text='What it came by.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='order', to='hosting.message')),
            ],
        ),
        migrations.CreateModel(
            name='BuyerPayment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Since it last got anywhere; counted before the work begins.')),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, help_text='While a worker has it: until when nobody else takes it.', null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session of that worker; the lease ends with it.', null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('dead_at', models.DateTimeField(blank=True, help_text='When it was given up.', null=True)),
                ('way', models.CharField(choices=[('card', 'Card'), ('cash', 'Cash on delivery'), ('transfer', 'Bank transfer')], max_length=10)),
                ('is_sandbox', models.BooleanField(default=False, help_text="Paid by a test card of Parley's own sandbox.")),
                ('status', models.CharField(choices=[('open', 'To be tried'), ('pending', 'Waits for the buyer or the network'), ('unknown', 'Result unknown'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='open', max_length=10)),
                ('amount_minor', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('key', models.CharField(help_text='Idempotency key, stable across retries.', max_length=80, unique=True)),
                ('reference', models.CharField(blank=True, help_text="The network's id, or the bank's text.", max_length=120)),
                ('failure', models.CharField(blank=True, max_length=200)),
                ('next_url', models.URLField(blank=True, help_text='Where the buyer must go on.', max_length=500)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='shops.order')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='OrderNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(max_length=2000)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='shops.order')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='OrderUpdate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Since it last got anywhere; counted before the work begins.')),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, help_text='While a worker has it: until when nobody else takes it.', null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session of that worker; the lease ends with it.', null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('dead_at', models.DateTimeField(blank=True, help_text='When it was given up.', null=True)),
                ('kind', models.CharField(choices=[('placed', 'Placed'), ('confirmed', 'Confirmed'), ('paid', 'Paid'), ('packed', 'Packed'), ('shipped', 'Shipped'), ('delivered', 'Delivered'), ('cancelled', 'Cancelled'), ('expired', 'Expired'), ('refunded', 'Refunded')], max_length=10)),
                ('amount_minor', models.BigIntegerField(blank=True, help_text='Of a payment or refund.', null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('notified_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.business')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='updates', to='shops.order')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('retailer_id', models.CharField(help_text="The feed's id; `product_retailer_id` in the Cloud API.", max_length=100)),
                ('item_group', models.CharField(blank=True, max_length=100)),
                ('options', models.JSONField(blank=True, default=dict, help_text="Options of the variant, such as {'color': 'Red', 'size': 'M'}.")),
                ('title', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True, max_length=9999)),
                ('brand', models.CharField(blank=True, max_length=100)),
                ('category', models.CharField(blank=True, help_text="The seller's own path, such as Bread > Rye.", max_length=250)),
                ('link', models.URLField(blank=True, max_length=1000)),
                ('condition', models.CharField(choices=[('new', 'New'), ('refurbished', 'Refurbished'), ('used', 'Used')], default='new', max_length=12)),
                ('availability', models.CharField(choices=[('in stock', 'In stock'), ('out of stock', 'Out of stock'), ('preorder', 'Preorder'), ('available for order', 'Available for order'), ('discontinued', 'Discontinued')], default='in stock', max_length=20)),
                ('price_minor', models.BigIntegerField()),
                ('sale_price_minor', models.BigIntegerField(blank=True, null=True)),
                ('sale_from', models.DateTimeField(blank=True, null=True)),
                ('sale_until', models.DateTimeField(blank=True, null=True)),
                ('tax_percent', models.DecimalField(decimal_places=2, default=0, max_digits=5)),
                ('stock', models.IntegerField(blank=True, null=True)),
                ('is_hidden', models.BooleanField(default=False, help_text="Neither on the shop's page nor to be ordered.")),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('catalog', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='products', to='shops.catalog')),
            ],
            options={
                'ordering': ['title', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Picture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Since it last got anywhere; counted before the work begins.')),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, help_text='While a worker has it: until when nobody else takes it.', null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session of that worker; the lease ends with it.', null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('dead_at', models.DateTimeField(blank=True, help_text='When it was given up.', null=True)),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('source_url', models.URLField(blank=True, max_length=1000)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('media', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='hosting.media')),
                ('product', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pictures', to='shops.product')),
            ],
            options={
                'ordering': ['product', 'position'],
            },
        ),
        migrations.CreateModel(
            name='OrderLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('retailer_id', models.CharField(max_length=100)),
                ('title', models.CharField(max_length=200)),
                ('quantity', models.PositiveIntegerField()),
                ('unit_minor', models.BigIntegerField()),
                ('amount_minor', models.BigIntegerField()),
                ('tax_percent', models.DecimalField(decimal_places=2, max_digits=5)),
                ('refunded_quantity', models.PositiveIntegerField(default=0)),
                ('returned_quantity', models.PositiveIntegerField(default=0, help_text='How many are back in stock; they are not put back twice.')),
                ('is_counted', models.BooleanField(default=False, help_text='Whether stock was held for it.')),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='shops.order')),
                ('product', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='shops.product')),
            ],
            options={
                'ordering': ['order', 'position'],
            },
        ),
        migrations.CreateModel(
            name='CollectionProduct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('collection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='shops.collection')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='shops.product')),
            ],
        ),
        migrations.AddField(
            model_name='collection',
            name='products',
            field=models.ManyToManyField(related_name='collections', through='shops.CollectionProduct', to='shops.product'),
        ),
        migrations.CreateModel(
            name='CartLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField(default=1)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('cart', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='shops.cart')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='shops.product')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='ShopGatewayEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Since it last got anywhere; counted before the work begins.')),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, help_text='While a worker has it: until when nobody else takes it.', null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session of that worker; the lease ends with it.', null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('dead_at', models.DateTimeField(blank=True, help_text='When it was given up.', null=True)),
                ('event_id', models.CharField(max_length=120)),
                ('kind', models.CharField(max_length=80)),
                ('object_id', models.CharField(blank=True, max_length=120)),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('applied_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.business')),
                ('catalog', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='shops.catalog')),
            ],
        ),
        migrations.CreateModel(
            name='StockMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('change', models.IntegerField()),
                ('stock', models.IntegerField(help_text='What was left; empty when counting ended.', null=True)),
                ('reason', models.CharField(blank=True, max_length=120)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('author', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('order', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='shops.order')),
                ('product', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='moves', to='shops.product')),
            ],
        ),
        migrations.CreateModel(
            name='BuyerRefund',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Since it last got anywhere; counted before the work begins.')),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, help_text='While a worker has it: until when nobody else takes it.', null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session of that worker; the lease ends with it.', null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('dead_at', models.DateTimeField(blank=True, help_text='When it was given up.', null=True)),
                ('status', models.CharField(choices=[('open', 'To be tried'), ('pending', 'Waits for the buyer or the network'), ('unknown', 'Result unknown'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='open', max_length=10)),
                ('amount_minor', models.BigIntegerField()),
                ('lines', models.JSONField(blank=True, default=dict, help_text='Line position -> how many are paid back.')),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('key', models.CharField(max_length=80, unique=True)),
                ('reference', models.CharField(blank=True, max_length=120)),
                ('failure', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business')),
                ('payment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='shops.buyerpayment')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(condition=models.Q(('dead_at', None), ('status__in', ['open', 'pending', 'unknown'])), fields=['business', 'not_before', 'id'], name='buyer_refund_due'), models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['id'], name='buyer_refund_dead')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='buyer_refund_is_positive')],
            },
        ),
        migrations.AddConstraint(
            model_name='catalog',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='catalog_has_a_name'),
        ),
        migrations.AddConstraint(
            model_name='catalog',
            constraint=models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='catalog_currency_is_iso'),
        ),
        migrations.AddConstraint(
            model_name='catalog',
            constraint=models.CheckConstraint(condition=models.Q(('hold_minutes__range', (5, 10080))), name='catalog_hold_in_range'),
        ),
        migrations.AddIndex(
            model_name='catalogimport',
            index=models.Index(condition=models.Q(('dead_at', None), ('state__in', ['reading', 'running'])), fields=['business', 'not_before', 'id'], name='feed_due'),
        ),
        migrations.AddIndex(
            model_name='catalogimport',
            index=models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['business'], name='feed_dead'),
        ),
        migrations.AddConstraint(
            model_name='catalogimport',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['reading', 'ready', 'running', 'done', 'cancelled', 'failed'])), name='feed_state_known'),
        ),
        migrations.AddConstraint(
            model_name='deliverymethod',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='delivery_has_a_name'),
        ),
        migrations.AddConstraint(
            model_name='deliverymethod',
            constraint=models.CheckConstraint(condition=models.Q(('price_minor__gte', 0)), name='delivery_not_below_zero'),
        ),
        migrations.AddConstraint(
            model_name='deliverymethod',
            constraint=models.CheckConstraint(condition=models.Q(('tax_percent__range', (0, 100))), name='delivery_tax_is_a_percentage'),
        ),
        migrations.AddIndex(
            model_name='importproblem',
            index=models.Index(fields=['job', 'row', 'id'], name='feed_problems'),
        ),
        migrations.AddIndex(
            model_name='incomingorder',
            index=models.Index(condition=models.Q(('dead_at', None)), fields=['business', 'not_before', 'message'], name='incoming_order_due'),
        ),
        migrations.AddIndex(
            model_name='incomingorder',
            index=models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['message'], name='incoming_order_dead'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(fields=['business', 'state', '-id'], name='order_by_state'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('state', 'placed')), fields=['expires_at'], name='order_overdue'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.UniqueConstraint(fields=('catalog', 'number'), name='order_number_once'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('delivery_minor__gte', 0), ('subtotal_minor__gte', 0), ('tax_minor__gte', 0)), name='order_not_below_zero'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('tax_included', True), ('total_minor', django.db.models.expressions.CombinedExpression(models.F('subtotal_minor'), '+', models.F('delivery_minor')))), models.Q(('tax_included', False), ('total_minor', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal_minor'), '+', models.F('delivery_minor')), '+', models.F('tax_minor')))), _connector='OR'), name='order_total_is_its_sum'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('paid_minor', 0), ('paid_minor', models.F('total_minor')), _connector='OR'), name='order_is_paid_once'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_minor__gte', 0), ('refunded_minor__lte', models.F('paid_minor'))), name='refund_up_to_paid'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['packed', 'shipped', 'delivered']), _negated=True), ('way', 'cash'), ('paid_minor', models.F('total_minor')), _connector='OR'), name='goods_leave_paid'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['placed', 'cancelled', 'expired']), models.Q(('way', ''), _negated=True), _connector='OR'), name='confirmed_has_a_way'),
        ),
        migrations.AddIndex(
            model_name='buyerpayment',
            index=models.Index(condition=models.Q(('dead_at', None), ('is_sandbox', False), ('status__in', ['open', 'pending', 'unknown']), ('way', 'card')), fields=['business', 'not_before', 'id'], name='card_page_due'),
        ),
        migrations.AddIndex(
            model_name='buyerpayment',
            index=models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['id'], name='card_page_dead'),
        ),
        migrations.AddConstraint(
            model_name='buyerpayment',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['open', 'pending', 'unknown', 'succeeded'])), fields=('order',), name='one_live_payment_per_order'),
        ),
        migrations.AddConstraint(
            model_name='buyerpayment',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('reference', ''), _negated=True), ('way', 'card')), fields=('business', 'reference'), name='buyer_payment_reference_once'),
        ),
        migrations.AddConstraint(
            model_name='buyerpayment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='buyer_payment_is_positive'),
        ),
        migrations.AddIndex(
            model_name='orderupdate',
            index=models.Index(condition=models.Q(('dead_at', None), ('notified_at', None)), fields=['business', 'not_before', 'id'], name='order_update_due'),
        ),
        migrations.AddIndex(
            model_name='orderupdate',
            index=models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['business'], name='order_update_dead'),
        ),
        migrations.AddIndex(
            model_name='orderupdate',
            index=models.Index(condition=models.Q(('notified_at', None)), fields=['order'], name='order_update_open'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['catalog', 'title', 'id'], name='product_by_title'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(condition=models.Q(('item_group', ''), _negated=True), fields=['catalog', 'item_group'], name='product_variants'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.UniqueConstraint(fields=('catalog', 'retailer_id'), name='product_once_per_catalog'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('title', ''), _negated=True), models.Q(('retailer_id', ''), _negated=True)), name='product_has_id_and_title'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('price_minor__gte', 0)), name='price_not_below_zero'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('sale_price_minor', None), models.Q(('sale_price_minor__gte', 0), ('sale_price_minor__lte', models.F('price_minor'))), _connector='OR'), name='sale_price_up_to_price'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('sale_from', None), ('sale_until', None), ('sale_from__lt', models.F('sale_until')), _connector='OR'), name='sale_ends_after_it_begins'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('stock', None), ('stock__gte', 0), _connector='OR'), name='stock_not_below_zero'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('tax_percent__range', (0, 100))), name='tax_is_a_percentage'),
        ),
        migrations.AddIndex(
            model_name='picture',
            index=models.Index(condition=models.Q(('dead_at', None), ('media', None)), fields=['business', 'not_before', 'id'], name='picture_due'),
        ),
        migrations.AddIndex(
            model_name='picture',
            index=models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['business'], name='picture_dead'),
        ),
        migrations.AddConstraint(
            model_name='picture',
            constraint=models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['DEFERRED'], fields=('product', 'position'), name='picture_once_per_place'),
        ),
        migrations.AddConstraint(
            model_name='picture',
            constraint=models.CheckConstraint(condition=models.Q(('media__isnull', False), models.Q(('source_url', ''), _negated=True), _connector='OR'), name='picture_has_a_source'),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.UniqueConstraint(fields=('order', 'position'), name='line_once_per_order'),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gt', 0)), name='line_of_something'),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor', django.db.models.expressions.CombinedExpression(models.F('unit_minor'), '*', models.F('quantity'))), ('unit_minor__gte', 0)), name='line_amount_is_product'),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_quantity__lte', models.F('quantity'))), name='line_refund_up_to_ordered'),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(('returned_quantity__lte', models.F('quantity'))), name='line_back_up_to_ordered'),
        ),
        migrations.AddConstraint(
            model_name='collectionproduct',
            constraint=models.UniqueConstraint(fields=('collection', 'product'), name='product_once_per_collection'),
        ),
        migrations.AddConstraint(
            model_name='collection',
            constraint=models.UniqueConstraint(fields=('catalog', 'slug'), name='collection_once_per_catalog'),
        ),
        migrations.AddConstraint(
            model_name='collection',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='collection_has_a_name'),
        ),
        migrations.AddConstraint(
            model_name='cartline',
            constraint=models.UniqueConstraint(fields=('cart', 'product'), name='product_once_per_cart'),
        ),
        migrations.AddConstraint(
            model_name='cartline',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__range', (1, 999))), name='cart_quantity_in_range'),
        ),
        migrations.AddIndex(
            model_name='shopgatewayevent',
            index=models.Index(condition=models.Q(('dead_at', None), ('applied_at', None)), fields=['business', 'not_before', 'id'], name='shop_event_due'),
        ),
        migrations.AddIndex(
            model_name='shopgatewayevent',
            index=models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['id'], name='shop_event_dead'),
        ),
        migrations.AddConstraint(
            model_name='shopgatewayevent',
            constraint=models.UniqueConstraint(fields=('catalog', 'event_id'), name='shop_event_once'),
        ),
        migrations.AddIndex(
            model_name='stockmove',
            index=models.Index(fields=['product', '-id'], name='stock_moves_newest'),
        ),
    ]
