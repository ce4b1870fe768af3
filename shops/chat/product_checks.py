"""Checking: a message that shows products names a catalogue and products that are there; upstream it goes by their ids."""

from collections.abc import Collection
from typing import Any

from django.db.models import Q

from core.tenancy import system
from hosting.cloudapi.json import as_dict, as_text
from hosting.cloudapi.texts import products_of
from hosting.errors import CloudApiError
from hosting.models import Message
from shops.models import Catalog

# The kinds of interactive message that are about products; a catalogue message shows the first when its own is gone.
KINDS = ("product", "product_list")


def check_products(message: Message) -> None:
    """Refuse a message about products that are not there: CloudApiError 131009, as the Cloud API does.

    A catalogue that no shop here has is kept elsewhere: a client that changed only its base URL names it by Meta's id.
    """
    kind = as_text(message.content.get("type")) if message.kind == "interactive" else ""
    if kind not in KINDS:
        return
    name = as_text(as_dict(message.content.get("action")).get("catalog_id"))
    mine = Catalog.objects.filter(
        Q(catalog_id=name) | Q(upstream_id=name), business=message.business
    ).first()
    if mine is not None:
        _check(mine, products_of(message.kind, message.content))
    elif _is_a_strangers(name):
        raise CloudApiError(
            131009, "Catalog not found: it is none of yours.", field="interactive.action.catalog_id"
        )


def _is_a_strangers(name: str) -> bool:
    with system("ids of catalogues are one series over all businesses"):
        return Catalog.objects.filter(catalog_id=name).exists()


def _check(catalog: Catalog, names: list[str]) -> None:
    there = set(
        catalog.products.shown().filter(retailer_id__in=names).values_list("retailer_id", flat=True)
    )
    gone = [name for name in names if name not in there]
    if gone:
        raise CloudApiError(
            131009, f"Products not found in catalog {catalog.catalog_id}: {', '.join(gone[:10])}.",
            field="interactive.action.product_retailer_id",
        )  # fmt: skip


def from_upstream(named: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Our ids of catalogues by business and the upstream's id; call across businesses."""
    rows = Catalog.objects.filter(
        business__in={business_id for business_id, _ in named},
        upstream_id__in={name for _, name in named},
    )
    # Of two that share an upstream's catalogue the older one is meant.
    found = rows.order_by("-id").values_list("business_id", "upstream_id", "catalog_id")
    return {
        (business_id, theirs): ours
        for business_id, theirs, ours in found
        if (business_id, theirs) in named
    }


def for_upstream(message: Message, content: dict[str, Any]) -> dict[str, Any]:
    """The same content with the upstream's id of the catalogue in place of ours; call across businesses."""
    action = as_dict(content.get("action"))
    name = as_text(action.get("catalog_id"))
    if message.kind != "interactive" or not name:
        return content
    mapped = Catalog.objects.filter(
        Q(catalog_id=name) & ~Q(upstream_id=""), business_id=message.business_id
    )
    theirs = mapped.values_list("upstream_id", flat=True).first()
    return content | {"action": action | {"catalog_id": theirs}} if theirs else content
