import accounts.models.businesses
import accounts.models.invitations
import accounts.models.keys
import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from core.schema import InitialMigration
from django.db import migrations, models


class Migration(InitialMigration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
                ('name', models.CharField(blank=True, max_length=120, verbose_name='name')),
                ('is_staff', models.BooleanField(default=False, help_text='May log in to the admin.', verbose_name='operator')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('code', models.SlugField(max_length=40, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80)),
                ('hosted_messages', models.PositiveIntegerField(blank=True, help_text='Messages hosted, a month.', null=True)),
                ('grace_days', models.PositiveIntegerField(db_default=30, default=30, help_text='Days that inbound messages over the limit are kept, locked.')),
                ('days_kept', models.PositiveIntegerField(blank=True, null=True)),
                ('max_numbers', models.PositiveIntegerField(blank=True, null=True, verbose_name='numbers')),
                ('max_seats', models.PositiveIntegerField(blank=True, null=True, verbose_name='seats')),
                ('media_megabytes', models.PositiveIntegerField(blank=True, help_text='Files kept, in 1,000,000 bytes.', null=True)),
                ('max_webhooks', models.PositiveIntegerField(blank=True, null=True, verbose_name='webhooks')),
                ('max_exports', models.PositiveIntegerField(blank=True, help_text='Of conversations, a month.', null=True, verbose_name='exports')),
                ('requests_per_second', models.PositiveIntegerField(default=80, help_text='Of each API key.')),
                ('webhooks_per_second', models.PositiveIntegerField(db_default=320, default=320, help_text="That come to each account's address; one for each 500 bytes begun.")),
                ('raw_events', models.PositiveIntegerField(blank=True, help_text='Raw bodies of incoming webhooks kept, a month.', null=True)),
                ('locked_messages', models.PositiveIntegerField(blank=True, help_text='Messages over the limit kept locked, at once.', null=True)),
                ('monthly_fee_micros', models.BigIntegerField(default=0, help_text='Millionths of the currency.')),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('is_public', models.BooleanField(default=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('monthly_fee_micros__gte', 0)), name='plan_fee_not_negative'), models.CheckConstraint(condition=models.Q(('requests_per_second__gte', 1)), name='plan_lets_keys_ask'), models.CheckConstraint(condition=models.Q(('webhooks_per_second__gte', 1)), name='plan_lets_webhooks_come')],
            },
        ),
        migrations.CreateModel(
            name='Business',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('country', models.CharField(default='US', max_length=2)),
                ('timezone', models.CharField(default='UTC', max_length=64, validators=[accounts.models.businesses.known_timezone])),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('next_plan_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('suspended_at', models.DateTimeField(blank=True, null=True)),
                ('suspended_reason', models.CharField(blank=True, max_length=200)),
                ('requires_mfa', models.BooleanField(db_default=False, default=False, help_text='Members without a second factor see nothing.')),
                ('clock_at', models.DateTimeField(blank=True, help_text='Test clock: the moment this business lives in. Sandbox numbers only.', null=True)),
                ('next_plan', models.ForeignKey(blank=True, help_text='From the next month on.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.plan')),
                ('plan', models.ForeignKey(default='free', on_delete=django.db.models.deletion.PROTECT, related_name='businesses', to='accounts.plan')),
            ],
            options={
                'verbose_name_plural': 'businesses',
                'permissions': [('enter_business', 'Can view as a business'), ('open_messages', 'Can open the text of messages')],
            },
        ),
        migrations.CreateModel(
            name='PlanTerm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('fee_micros', models.BigIntegerField(db_default=0, default=0, help_text='A month, in millionths of the currency.')),
                ('currency', models.CharField(db_default='USD', default='USD', max_length=3)),
                ('business', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='plan_terms', to='accounts.business')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.plan')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor_name', models.CharField(help_text='E-mail address, key, or what part of Parley acted.', max_length=254)),
                ('action', models.CharField(help_text='Such as member.role_changed.', max_length=60)),
                ('subject', models.CharField(help_text='What was changed, for a reader.', max_length=200)),
                ('before', models.JSONField(default=dict)),
                ('after', models.JSONField(default=dict)),
                ('ip', models.GenericIPAddressField(blank=True, null=True)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('actor', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('business', models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text="Empty where the change is the platform's own, such as a plan.", null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.business')),
            ],
            options={
                'verbose_name_plural': 'audit log',
                'indexes': [models.Index(fields=['business', '-id'], name='audit_of_business'), models.Index(fields=['action', '-id'], name='audit_by_action'), models.Index(fields=['actor', 'business'], name='audit_of_actor')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('prefix', models.CharField(editable=False, max_length=8, unique=True)),
                ('digest', models.BinaryField(max_length=32)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('messages', 'Send messages, manage templates and media'), ('read', 'Read conversations and messages'), ('contacts', 'Read, change, merge and erase customers'), ('shop', 'Read and change products and orders'), ('shop:refund', 'Refund and cancel orders'), ('exports', 'Export conversations'), ('billing', 'Read usage, charges and invoices'), ('webhooks', 'Manage webhooks'), ('admin', 'Register numbers, set their PIN, read the audit log')], max_length=20), default=accounts.models.keys.all_scopes, size=None)),
                ('number_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, help_text='Ids of the numbers it is limited to; none: all numbers.', null=True, size=None)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='accounts.business')),
            ],
            options={
                'verbose_name': 'API key',
                'constraints': [models.CheckConstraint(condition=models.Q(('number_ids', None), ('number_ids__len__gt', 0), _connector='OR'), name='limited_key_has_numbers')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('agent', 'Agent'), ('finance', 'Finance'), ('viewer', 'Viewer')], max_length=20)),
                ('digest', models.BinaryField(max_length=32, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField(default=accounts.models.invitations.in_a_week)),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='accounts.business')),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('accepted_at', None), ('withdrawn_at', None)), fields=('business', 'email'), name='one_open_invitation_per_address'), models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'admin', 'agent', 'finance', 'viewer'])), name='invitation_role_known')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('agent', 'Agent'), ('finance', 'Finance'), ('viewer', 'Viewer')], max_length=20)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='accounts.business')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('business', 'user'), name='one_membership_per_business_and_user'), models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'admin', 'agent', 'finance', 'viewer'])), name='membership_role_known')],
            },
        ),
        migrations.AddIndex(
            model_name='business',
            index=models.Index(condition=models.Q(('next_plan_at__isnull', False)), fields=['next_plan_at'], name='plan_change_due'),
        ),
        migrations.AddConstraint(
            model_name='business',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('next_plan', None), ('next_plan_at', None)), models.Q(('next_plan__isnull', False), ('next_plan_at__isnull', False)), _connector='OR'), name='next_plan_has_a_start'),
        ),
    ]
