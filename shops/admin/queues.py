"""Queues of shops in the admin: messages that no order was made of, news that was not told, pictures and feeds that failed."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.admin_site.base import Item, QueueAdmin, ReadOnlyAdmin, given_up
from core.wake import notify
from shops import tasks
from shops.models import (
    MAX_ATTEMPTS,
    CatalogImport,
    ImportProblem,
    IncomingOrder,
    OrderNews,
    Picture,
)

STATES = {"dead": "danger", "waiting": "info", "done": "success"}


class StateFilter(admin.SimpleListFilter):
    """Rows that gave up, that wait, or that are done, as the model's querysets have it."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What there is to choose from."""
        return [("dead", _("Given up")), ("waiting", _("Waiting"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the state chosen; all of them otherwise."""
        rows = queryset.model._default_manager
        if self.value() == "dead":
            return queryset.filter(pk__in=rows.dead().values("pk"))
        if self.value() == "waiting":
            return queryset.filter(attempts__lt=MAX_ATTEMPTS, pk__in=rows.still_open().values("pk"))
        return queryset


def _again(model: Any) -> Callable[[Sequence[Any]], int]:
    return lambda ids: int(model.objects.filter(pk__in=ids).again())


@admin.register(IncomingOrder)
class IncomingOrderAdmin(QueueAdmin):
    """Messages of buyers that a shop must heed, without what they say; those that gave up can be heeded again."""

    list_display = ("message_id", "business", "state", "attempts", "not_before", "last_error")
    list_select_related = ("business",)
    list_filter = (StateFilter,)
    search_fields = ("message__wamid__exact",)
    search_help_text = _("The whole wamid.")
    ordering = ("-message_id",)
    actions = ("rerun",)

    @display(description=_("state"), label=STATES)
    def state(self, row: IncomingOrder) -> str:
        """Waiting or dead."""
        return "dead" if row.attempts >= MAX_ATTEMPTS else "waiting"

    @action(description=_("Heed again (given up only)"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[IncomingOrder]) -> None:
        """Open dead rows again; the order is made at today's prices, once."""
        count = self.again(request, queryset, verb=_again(IncomingOrder))
        notify(tasks.take)
        messages.success(request, _("%(count)s messages are heeded again.") % {"count": count})


@admin.register(OrderNews)
class OrderNewsAdmin(QueueAdmin):
    """What happened to orders; what buyer and business were not told can be told after all, with what is true by then."""

    list_display = (
        "id",
        "business",
        "order",
        "kind",
        "state",
        "attempts",
        "created_at",
        "told_at",
        "last_error",
    )
    list_select_related = ("business", "order")
    list_filter = (StateFilter, "kind")
    search_fields = ("order__id__exact",)
    search_help_text = _("The order's id.")
    ordering = ("-id",)
    actions = ("rerun",)

    @display(description=_("state"), label=STATES)
    def state(self, row: OrderNews) -> str:
        """Told, waiting or dead."""
        return "done" if row.told_at else "dead" if row.attempts >= MAX_ATTEMPTS else "waiting"

    @action(description=_("Tell again (given up only)"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[OrderNews]) -> None:
        """Open dead news again; nothing that was told is told twice."""
        count = self.again(request, queryset, verb=_again(OrderNews))
        notify(tasks.take)
        messages.success(request, _("%(count)s pieces of news are told again.") % {"count": count})


@admin.register(Picture)
class PictureAdmin(QueueAdmin):
    """Pictures of products; those that a feed's link did not give can be fetched again."""

    list_display = (
        "id",
        "business",
        "product",
        "state",
        "attempts",
        "not_before",
        "last_error",
        "source_url",
    )
    list_select_related = ("business", "product")
    list_filter = (StateFilter,)
    search_fields = ("product__retailer_id__exact",)
    search_help_text = _("The product's whole id.")
    ordering = ("-id",)
    actions = ("rerun",)

    @display(description=_("state"), label=STATES)
    def state(self, row: Picture) -> str:
        """There, waiting or dead."""
        return "done" if row.media_id else "dead" if row.attempts >= MAX_ATTEMPTS else "waiting"

    @action(description=_("Fetch again (given up only)"), permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[Picture]) -> None:
        """Ask for dead pictures again."""
        count = self.again(request, queryset, verb=_again(Picture))
        notify(tasks.fetch_pictures)
        messages.success(request, _("%(count)s pictures are fetched again.") % {"count": count})


@admin.register(CatalogImport)
class CatalogImportAdmin(ReadOnlyAdmin):
    """Feeds of products: how far each came, and why one failed. The seller brings the file once more."""

    hidden: ClassVar[tuple[str, ...]] = ("sample", "path", "token")
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
    list_filter = ("state",)
    search_fields = ("filename", "business__name")
    ordering = ("-id",)


@admin.register(ImportProblem)
class ImportProblemAdmin(ReadOnlyAdmin):
    """What was wrong in feeds, by row and column."""

    list_display = ("id", "job", "row", "column", "reason")
    list_select_related = ("job",)
    ordering = ("-id",)


def waiting() -> list[Item]:
    """What of the shops gave up."""
    month = timezone.now() - timedelta(days=30)
    feeds = CatalogImport.objects.filter(state=CatalogImport.State.FAILED, created_at__gte=month)
    dead, note = "state=dead", _("given up after five attempts")
    return [
        given_up(_("Order messages not heeded"), IncomingOrder.objects.dead(), dead, note, is_urgent=True),
        given_up(_("News of orders not told"), OrderNews.objects.dead(), dead, note, is_urgent=True),
        # A seller's links and files are the seller's to mend: shown, not urgent.
        given_up(_("Pictures not fetched"), Picture.objects.dead(), dead, "", is_urgent=False),
        given_up(_("Product feeds that failed"), feeds, "state__exact=failed", _("in 30 days"), is_urgent=False),
    ]  # fmt: skip
