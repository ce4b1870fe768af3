"""Product cards for messages that name products, in the inbox and on simulated phones."""

from collections.abc import Collection
from typing import Any

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from hosting.extensions import ProductCard
from shops.models import Picture, Product
from shops.texts import format_minor


def cards(business_id: int, retailer_ids: Collection[str]) -> dict[str, ProductCard]:
    """Cards of a business's products by retailer id, in one query."""
    pictures = Picture.objects.filter(product=OuterRef("pk"), media__isnull=False).order_by(
        "position"
    )
    found = Product.objects.filter(business_id=business_id, retailer_id__in=retailer_ids)
    products = found.select_related("business", "catalog")
    with_media = products.annotate(shown_media=Subquery(pictures.values("media__media_id")[:1]))
    return {product.retailer_id: _card(product) for product in with_media}


def _card(product: Any) -> ProductCard:
    currency, media_id = product.catalog.currency, product.shown_media
    return ProductCard(
        name=product.full_title,
        price=format_minor(product.current_minor, currency),
        was=format_minor(product.price_minor, currency) if product.is_on_sale else "",
        picture=reverse("message_thumbnail", args=[media_id]) if media_id else "",
    )
