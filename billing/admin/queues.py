"""Queues of billing in the admin that have no other page: alerts, and the network's webhooks."""

from django.contrib import admin

from accounts.admin_site.queues import QueueAdmin
from billing import tasks
from billing.models import GatewayEvent, SpendAlert


@admin.register(SpendAlert)
class SpendAlertAdmin(QueueAdmin):
    """Alerts of spend caps, for owners, finance and webhooks."""

    task = tasks.sweep
    list_display = (
        "id",
        "business",
        "month",
        "percent",
        "queue_state",
        "raised_at",
        "mailed_at",
        "last_error",
    )
    list_select_related = ("business",)


@admin.register(GatewayEvent)
class GatewayEventAdmin(QueueAdmin):
    """Webhooks of the payment network; the object that each names is looked up there."""

    task = tasks.collect
    list_display = ("event_id", "kind", "queue_state", "received_at", "applied_at", "last_error")
    search_fields = ("event_id__exact", "object_id__exact")
