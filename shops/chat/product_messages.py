"""Contents of the Cloud API's product, product list and catalogue messages."""

from collections.abc import Sequence
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from core import money
from core.errors import BadInput
from hosting.models import Conversation
from shops.models import Catalog, Picture, Product

MAX_PRODUCTS = 30
MAX_SEARCH_RESULTS = 60


def catalog_for(conversation: Conversation) -> Catalog | None:
    """The shop offered in a conversation: its number's, else the business's first."""
    shops = Catalog.objects.filter(business_id=conversation.business_id).select_related("business")
    return shops.filter(number_id=conversation.number_id).first() or shops.order_by("id").first()


def search_products(catalog: Catalog, words: str, *, only: Sequence[str] = ()) -> list[Any]:
    """Products that can be ordered now, by title, with the media id of the first picture as
    `shown_media`.
    """
    products = catalog.products.sellable().select_related("business", "catalog")
    if only:
        products = products.filter(retailer_id__in=only)
    for word in words.split()[:5]:
        products = products.filter(title__icontains=word)
    pictures = Picture.objects.filter(product=OuterRef("pk"), media__isnull=False).order_by(
        "position"
    )
    shown = products.annotate(shown_media=Subquery(pictures.values("media__media_id")[:1]))
    return list(shown.order_by("title", "id")[:MAX_SEARCH_RESULTS])


def products_message(catalog: Catalog, retailer_ids: Sequence[str], words: str) -> dict[str, Any]:
    """Content of a message with one product or a list of up to 30.

    Raises BadInput for none, too many, or an unknown one.
    """
    wanted = list(dict.fromkeys(retailer_ids))
    if not 1 <= len(wanted) <= MAX_PRODUCTS:
        raise BadInput(_("Choose from 1 to %(n)d products.") % {"n": MAX_PRODUCTS}, field="product")
    sold = set(
        Product.objects.filter(catalog=catalog, retailer_id__in=wanted).values_list(
            "retailer_id", flat=True
        )
    )
    if missing := [one for one in wanted if one not in sold]:
        raise BadInput(
            _("Not in the catalogue: %(ids)s.") % {"ids": ", ".join(missing)[:200]}, field="product"
        )
    name = catalog.catalog_id
    if len(wanted) == 1:
        body = {"body": {"text": words[:1024]}} if words else {}
        return (
            {"type": "product"}
            | body
            | {"action": {"catalog_id": name, "product_retailer_id": wanted[0]}}
        )
    items = [{"product_retailer_id": one} for one in wanted]
    return {
        "type": "product_list",
        "header": {"type": "text", "text": catalog.name[:60]},
        "body": {"text": words[:1024] or _("Here is what you could have.")},
        "action": {
            "catalog_id": name,
            "sections": [{"title": catalog.name[:24], "product_items": items}],
        },
    }


def catalog_message(words: str) -> dict[str, Any]:
    """Content of a message that opens the whole catalogue."""
    return {
        "type": "catalog_message",
        "body": {"text": words[:1024]},
        "action": {"name": "catalog_message"},
    }


def order_content(catalog: Catalog, quantities: dict[str, int]) -> dict[str, Any]:
    """Content of the `order` message a phone sends for a cart, at current prices; empty for no
    cart.
    """
    products = catalog.products.filter(retailer_id__in=quantities).select_related("business")
    items = [
        {
            "product_retailer_id": product.retailer_id,
            "quantity": quantities[product.retailer_id],
            "item_price": float(money.minor_amount(product.current_minor, catalog.currency)),
            "currency": catalog.currency,
        }
        for product in products
    ]
    return {"catalog_id": catalog.catalog_id, "product_items": items} if items else {}
