"""Checks of product messages before sending, and mapping of catalogue ids to the upstream's."""

from collections.abc import Collection
from typing import Any

from django.db.models import Q

from core.tenancy import system
from hosting import extensions
from hosting.cloudapi.json import as_dict, as_text
from hosting.cloudapi.texts import products_of
from hosting.errors import CloudApiError
from hosting.models import Message
from shops.models import Catalog

# Interactive messages whose products must exist; a catalogue message falls back to the first one.
PRODUCT_KINDS = ("product", "product_list")


@extensions.checks_only(kinds=("interactive",))
def check_products(message: Message) -> None:
    """Raise CloudApiError 131009 for products or catalogues that do not exist, as the Cloud API
    does.

    A catalogue id unknown to every business passes: a client that changed only its base URL uses
    Meta's id.
    """
    kind = as_text(message.content.get("type")) if message.kind == "interactive" else ""
    if kind not in PRODUCT_KINDS:
        return
    name = as_text(as_dict(message.content.get("action")).get("catalog_id"))
    mine = Catalog.objects.filter(
        Q(catalog_id=name) | Q(upstream_id=name), business=message.business
    ).first()
    if mine is not None:
        _check_retailer_ids(mine, products_of(message.kind, message.content))
    elif _is_another_business(name):
        raise CloudApiError(
            131009, "Catalog not found: it is none of yours.", field="interactive.action.catalog_id"
        )


def _is_another_business(name: str) -> bool:
    with system("ids of catalogues are one series over all businesses"):
        return Catalog.objects.filter(catalog_id=name).exists()


def _check_retailer_ids(catalog: Catalog, names: list[str]) -> None:
    there = set(
        catalog.products.shown().filter(retailer_id__in=names).values_list("retailer_id", flat=True)
    )
    gone = [name for name in names if name not in there]
    if gone:
        raise CloudApiError(
            131009,
            f"Products not found in catalog {catalog.catalog_id}: {', '.join(gone[:10])}.",
            field="interactive.action.product_retailer_id",
        )


def from_upstream(named: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Our catalogue ids by business and upstream id; call across businesses."""
    rows = Catalog.objects.filter(
        business__in={business_id for business_id, _ in named},
        upstream_id__in={name for _, name in named},
    )
    # Where two shops share an upstream catalogue, the older one wins.
    found = rows.order_by("-id").values_list("business_id", "upstream_id", "catalog_id")
    return {
        (business_id, theirs): ours
        for business_id, theirs, ours in found
        if (business_id, theirs) in named
    }


def for_upstream(message: Message, content: dict[str, Any]) -> dict[str, Any]:
    """The content with our catalogue id replaced by the upstream's; call across businesses."""
    action = as_dict(content.get("action"))
    name = as_text(action.get("catalog_id"))
    if message.kind != "interactive" or not name:
        return content
    mapped = Catalog.objects.filter(
        Q(catalog_id=name) & ~Q(upstream_id=""), business_id=message.business_id
    )
    theirs = mapped.values_list("upstream_id", flat=True).first()
    return content | {"action": action | {"catalog_id": theirs}} if theirs else content
