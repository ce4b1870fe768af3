"""Use of the limits that plans set to hosting: expressions that count it."""

from datetime import UTC

from django.db.models import DateField, DateTimeField, F, IntegerField, OuterRef, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Now, TruncMonth
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.plans.usage import UsageLimit, count_of
from hosting.models import ChatExport, HostedCount, Number, Storage, Webhook
from hosting.quota import MEGABYTE


def _hosted() -> Combinable:
    """Hosted messages of the business's current month (UTC, by its own clock)."""
    month = Cast(
        TruncMonth(Coalesce(Cast(OuterRef("clock_at"), DateTimeField()), Now()), tzinfo=UTC),
        DateField(),
    )
    counted = HostedCount.objects.filter(business=OuterRef("pk"), month=month)
    return Coalesce(Subquery(counted.values("messages")), 0)


def _numbers() -> Combinable:
    return count_of(Number.objects.all())


def _megabytes() -> Combinable:
    """Stored media in megabytes, rounded up."""
    stored = Storage.objects.filter(business=OuterRef("pk")).values_list(
        (F("bytes") + MEGABYTE - 1) / MEGABYTE
    )
    return Coalesce(Subquery(stored, output_field=IntegerField()), 0)


def _webhooks() -> Combinable:
    return count_of(Webhook.objects.kept())


def _exports() -> Combinable:
    """Exports of this month (UTC) that did not fail."""
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return count_of(ChatExport.objects.filter(created_at__gte=month).exclude(state="failed"))


LIMITS = (
    UsageLimit("hosted_messages", _("Hosted messages this month"), _hosted, 10),
    UsageLimit("max_numbers", _("Numbers"), _numbers, 20),
    UsageLimit("media_megabytes", _("Media storage in MB"), _megabytes, 40),
    UsageLimit("max_webhooks", _("Webhooks"), _webhooks, 50),
    UsageLimit("max_exports", _("Exports this month"), _exports, 60),
)
