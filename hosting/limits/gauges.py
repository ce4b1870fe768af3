"""Usage of the plan limits that hosting owns, as query expressions."""

from datetime import UTC

from django.db.models import DateField, DateTimeField, F, IntegerField, OuterRef, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Now, TruncMonth
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.plans.usage import Gauge, count_of
from hosting.limits.quota import MEGABYTE
from hosting.models import ChatExport, HostedCount, Number, Storage, Webhook


def _hosted() -> Combinable:
    """Hosted messages in the month (UTC) of the business's clock."""
    month = Cast(
        TruncMonth(Coalesce(Cast(OuterRef("clock_at"), DateTimeField()), Now()), tzinfo=UTC),
        DateField(),
    )
    counted = HostedCount.objects.filter(business=OuterRef("pk"), month=month)
    return Coalesce(Subquery(counted.values("messages")), 0)


def _numbers() -> Combinable:
    return count_of(Number.objects.all())


def _megabytes() -> Combinable:
    """Stored megabytes, rounded up."""
    stored = Storage.objects.filter(business=OuterRef("pk")).values_list(
        (F("bytes") + MEGABYTE - 1) / MEGABYTE
    )
    return Coalesce(Subquery(stored, output_field=IntegerField()), 0)


def _webhooks() -> Combinable:
    return count_of(Webhook.objects.kept())


def _exports() -> Combinable:
    """Exports of this month (UTC)."""
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return count_of(ChatExport.objects.filter(created_at__gte=month).exclude(state="failed"))


HOSTED = Gauge("hosted_messages", _("Hosted messages this month"), _hosted)
NUMBERS = Gauge("numbers", _("Numbers"), _numbers)
OTHERS = [
    Gauge("media_megabytes", _("Media storage in MB"), _megabytes),
    Gauge("webhooks", _("Webhooks"), _webhooks),
    Gauge("exports", _("Exports this month"), _exports),
]
