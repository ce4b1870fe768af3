"""Checking: a message that shows products names a catalogue and products that are there; upstream it goes by their ids."""

from typing import Any

from django.db.models import Q

from hosting.cloudapi.reading import as_dict, as_list, as_text
from hosting.errors import CloudApiError
from hosting.models import Message
from hosting.models.numbers import Transport
from shops.models import Catalog

# Where each kind of interactive message names its products.
KINDS = ("product", "product_list", "catalog_message")
THUMBNAIL = "thumbnail_product_retailer_id"


def check_products(message: Message) -> None:
    """Refuse a message about products that are not there: CloudApiError 131009, as the Cloud API does.

    A business without a shop keeps its catalogue elsewhere, and so may a number that has an upstream.
    """
    kind = as_text(message.content.get("type")) if message.kind == "interactive" else ""
    if kind not in KINDS:
        return
    shops = list(Catalog.objects.filter(business=message.business).order_by("id"))
    if not shops:
        return
    action = as_dict(message.content.get("action"))
    catalog = _named(shops, action, message)
    if catalog is None:
        if message.number.transport == Transport.SANDBOX:
            raise CloudApiError(
                131009, "Catalog not found: it is none of yours.", field="interactive.action.catalog_id"
            )
        return
    _check(catalog, wanted_in(kind, action))


def _named(shops: list[Catalog], action: dict[str, Any], message: Message) -> Catalog | None:
    """The catalogue that the message names; the number's own, else the only one, where it names none."""
    name = as_text(action.get("catalog_id"))
    if name:
        return next((shop for shop in shops if name in (shop.catalog_id, shop.upstream_id)), None)
    return next((shop for shop in shops if shop.number_id == message.number_id), shops[0] if len(shops) == 1 else None)


def wanted_in(kind: str, action: dict[str, Any]) -> list[str]:
    """Retailer ids that a message's action names, each once."""
    if kind == "product":
        names = [as_text(action.get("product_retailer_id"))]
    elif kind == "product_list":
        items = [
            item
            for section in map(as_dict, as_list(action.get("sections")))
            for item in as_list(section.get("product_items"))
        ]
        names = [as_text(as_dict(item).get("product_retailer_id")) for item in items]
    else:
        names = [as_text(as_dict(action.get("parameters")).get(THUMBNAIL))]
    return list(dict.fromkeys(filter(None, names)))


def _check(catalog: Catalog, names: list[str]) -> None:
    there = set(catalog.products.shown().filter(retailer_id__in=names).values_list("retailer_id", flat=True))
    gone = [name for name in names if name not in there]
    if gone:
        raise CloudApiError(
            131009, f"Products not found in catalog {catalog.catalog_id}: {', '.join(gone[:10])}.",
            field="interactive.action.product_retailer_id",
        )  # fmt: skip


def for_upstream(message: Message, content: dict[str, Any]) -> dict[str, Any]:
    """The same content with the upstream's id of the catalogue in place of ours; call across businesses."""
    action = as_dict(content.get("action"))
    name = as_text(action.get("catalog_id"))
    if message.kind != "interactive" or not name:
        return content
    mapped = Catalog.objects.filter(Q(catalog_id=name) & ~Q(upstream_id=""), business_id=message.business_id)
    theirs = mapped.values_list("upstream_id", flat=True).first()
    return content | {"action": action | {"catalog_id": theirs}} if theirs else content
