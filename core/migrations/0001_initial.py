import core.encryption
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from core.schema import InitialMigration
from django.db import migrations, models


class Migration(InitialMigration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('beat_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Email',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Since it last got anywhere; counted before the work begins.')),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, help_text='While a worker has it: until when nobody else takes it.', null=True)),
                ('leased_by', models.IntegerField(blank=True, help_text='Database session of that worker; the lease ends with it.', null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('dead_at', models.DateTimeField(blank=True, help_text='When it was given up.', null=True)),
                ('kind', models.CharField(max_length=60)),
                ('key', models.CharField(help_text='The occasion; of each kind one mail.', max_length=120)),
                ('recipient', models.EmailField(max_length=254)),
                ('subject', models.CharField(max_length=200)),
                ('text', core.encryption.EncryptedTextField(blank=True)),
                ('html', core.encryption.EncryptedTextField(blank=True)),
                ('attachments', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=120), blank=True, default=list, help_text='Source and reference; the files are made as the mail is sent.', size=None)),
                ('is_private', models.BooleanField(default=False, help_text='Holds a code or a link that logs in: deleted once it is sent.')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sending', 'Sending'), ('sent', 'Sent'), ('unknown', 'Result unknown'), ('dead', 'Could not be sent')], default='waiting', max_length=10)),
                ('share', models.BigIntegerField(default=0, help_text='Whose share of the outbox it takes: the business, or 0.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('sent_at', models.DateTimeField(blank=True, help_text='When the mail server took it.', null=True)),
                ('business', models.ForeignKey(blank=True, help_text='Empty: about a login, such as sign-up and passwords.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='emails', to='accounts.business')),
            ],
            options={
                'verbose_name': 'e-mail',
                'verbose_name_plural': 'email outbox',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('dead_at', None), ('state', 'waiting')), fields=['share', 'not_before', 'id'], name='outbox_due'), models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['id'], name='outbox_dead'), models.Index(condition=models.Q(('state', 'sent'), _negated=True), fields=['kind'], name='outbox_not_sent')],
                'constraints': [models.UniqueConstraint(fields=('kind', 'key', 'recipient'), name='one_mail_per_occasion_and_recipient'), models.CheckConstraint(condition=models.Q(models.Q(('business', None), ('share', 0)), ('share', models.F('business')), _connector='OR'), name='mail_takes_its_business_share'), models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at', None)), _connector='OR'), name='sent_mail_has_its_time')],
            },
        ),
    ]
