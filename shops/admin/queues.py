"""Queues of shops in the admin: messages that no order was made of, updates that were not sent,
pictures and feeds that failed.
"""

from datetime import timedelta
from typing import ClassVar

from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin_site.base import Item, ReadOnlyAdmin, given_up
from accounts.admin_site.queues import QueueAdmin, QueueStateFilter
from shops import tasks
from shops.models import (
    CatalogImport,
    ImportProblem,
    IncomingOrder,
    OrderUpdate,
    Picture,
)


@admin.register(IncomingOrder)
class IncomingOrderAdmin(QueueAdmin):
    """Messages of buyers that a shop answers, without what they say.

    An order that is run again is made at today's prices, once.
    """

    task = tasks.take
    list_display = ("message_id", "business", "queue_state", "attempts", "not_before", "last_error")
    list_select_related = ("business",)
    search_fields = ("message__wamid__exact",)
    search_help_text = _("The whole wamid.")


@admin.register(OrderUpdate)
class OrderUpdateAdmin(QueueAdmin):
    """What happened to orders, for buyer and business; what was sent is not sent twice."""

    task = tasks.take
    list_display = (
        "id",
        "business",
        "order",
        "kind",
        "queue_state",
        "attempts",
        "created_at",
        "notified_at",
        "last_error",
    )
    list_select_related = ("business", "order")
    list_filter = (QueueStateFilter, "kind")
    search_fields = ("order__id__exact",)
    search_help_text = _("The order's id.")


@admin.register(Picture)
class PictureAdmin(QueueAdmin):
    """Pictures of products; those that a feed's link did not give can be fetched again."""

    task = tasks.fetch_pictures
    list_display = (
        "id",
        "business",
        "product",
        "queue_state",
        "attempts",
        "not_before",
        "last_error",
        "source_url",
    )
    list_select_related = ("business", "product")
    search_fields = ("product__retailer_id__exact",)
    search_help_text = _("The product's whole id.")


@admin.register(CatalogImport)
class CatalogImportAdmin(QueueAdmin):
    """Feeds of products: how far each came, and why one failed. The seller brings the file once
    more.
    """

    task = tasks.feed
    hidden: ClassVar[tuple[str, ...]] = ("sample", "path", "leased_by")
    list_display = (
        "id",
        "business",
        "filename",
        "state",
        "total",
        "bad",
        "added",
        "changed",
        "created_at",
        "error",
    )
    list_select_related = ("business",)
    list_filter = (QueueStateFilter, "state")
    search_fields = ("filename", "business__name")
    ordering = ("-id",)


@admin.register(ImportProblem)
class ImportProblemAdmin(ReadOnlyAdmin):
    """What was wrong in feeds, by row and column."""

    list_display = ("id", "job", "row", "column", "reason")
    list_select_related = ("job",)
    ordering = ("-id",)


def failed_feeds() -> list[Item]:
    """Product feeds that failed in 30 days; a seller's files are the seller's to mend."""
    month = timezone.now() - timedelta(days=30)
    feeds = CatalogImport.objects.filter(state=CatalogImport.State.FAILED, created_at__gte=month)
    title, note = _("Product feeds that failed"), _("in 30 days")
    return [given_up(title, feeds, "state__exact=failed", note, is_urgent=False)]
