"""Cataloguing: a business's shop, its products and shelves, and how much of each is there."""

import zlib
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.models import Business, User
from core.errors import BadInput, NotYours
from shops.catalog import pictures
from shops.models import Catalog, Collection, CollectionProduct, Picture, Product, ProductQuerySet
from shops.orders.place import explained

# First words of addresses below /s/ that are no shop's.
RESERVED_SLUGS = frozenset({"pay", "file", "files", "static"})
MOST_STOCK = 2_000_000_000
MOST_COLLECTIONS = 100


def shop_of(business: Business) -> Catalog | None:
    """The business's shop, the first where there are several; None before it has one."""
    return (
        Catalog.objects.filter(business=business)
        .select_related("business", "number")
        .order_by("id")
        .first()
    )


def save_shop(catalog: Catalog) -> Catalog:
    """Write a shop; BadInput for an address that another one has."""
    if catalog.slug in RESERVED_SLUGS:
        raise BadInput(_("This address is taken."), field="slug")
    try:
        with transaction.atomic():
            catalog.save()
    except IntegrityError as error:
        if "slug" in str(error):
            raise BadInput(_("This address is taken."), field="slug") from None
        raise
    return catalog


def product_of(catalog: Catalog, product_id: int) -> Product:
    """The shop's product of this id, or NotYours."""
    if product_id >= 2**63:
        raise NotYours
    found = catalog.products.select_related("business", "catalog").filter(pk=product_id).first()
    if found is None:
        raise NotYours
    return found


def save_product(
    product: Product,
    *,
    changes: dict[str, Any],
    shelves: Iterable[int] | None = None,
    author: User | None = None,
) -> Product:
    """Write a new product, or these fields of one that is there, and the shelves (ids of collections) it is on.

    Raises BadInput naming what the database does not take. Stock is changed by `set_stock` alone once it is there.
    """
    for name, value in changes.items():
        setattr(product, name, value)
    product.updated_at = timezone.now()
    try:
        with transaction.atomic(), explained(_("First count"), author=author):
            if product.pk is None:
                product.save()
            else:
                product.save(update_fields=[*changes, "updated_at"])
            if shelves is not None:
                _put_on(product, set(shelves))
    except IntegrityError as error:
        raise _refusal(error) from None
    return product


def remove_product(product: Product) -> None:
    """Let a product go with its pictures; orders keep what they hold of it."""
    for picture in Picture.objects.filter(product=product).select_related("media"):
        pictures.remove(picture)
    product.delete()


def _refusal(error: IntegrityError) -> BadInput:
    text = str(error)
    if "product_once_per_catalog" in text:
        return BadInput(_("Another product has this id."), field="retailer_id")
    if "sale_price_up_to_price" in text:
        return BadInput(_("The sale price is above the price."), field="sale_price")
    if "sale_ends_after_it_begins" in text:
        return BadInput(_("The sale ends before it begins."), field="sale_until")
    raise error


def _put_on(product: Product, shelves: set[int]) -> None:
    CollectionProduct.objects.filter(product=product).exclude(collection__in=shelves).delete()
    known = Collection.objects.filter(catalog=product.catalog_id, pk__in=shelves).values_list(
        "pk", flat=True
    )
    CollectionProduct.objects.bulk_create(
        [
            CollectionProduct(business_id=product.business_id, collection_id=pk, product=product)
            for pk in sorted(known)
        ],
        ignore_conflicts=True,
    )


def set_stock(
    product: Product, *, stock: int | None, reason: str, author: User | None = None
) -> None:
    """Say how much is there (None: nobody counts), and why it changed; raises BadInput for a number out of range."""
    if stock is not None and not 0 <= stock <= MOST_STOCK:
        raise BadInput(
            _("Stock is a whole number from 0 to %(most)d.") % {"most": MOST_STOCK}, field="stock"
        )
    with explained(reason, author=author):
        Product.objects.filter(pk=product.pk).update(stock=stock, updated_at=timezone.now())
    product.refresh_from_db(fields=["stock", "updated_at"])


def change_stock(product: Product, *, by: int, reason: str, author: User | None = None) -> None:
    """Add to a counted stock, or take from it, whatever orders do meanwhile; raises BadInput below zero."""
    counted = Product.objects.filter(pk=product.pk).exclude(stock=None)
    try:
        with transaction.atomic(), explained(reason, author=author):
            changed = counted.update(stock=F("stock") + by, updated_at=timezone.now())
    except IntegrityError:
        raise BadInput(_("Less is there than you take away."), field="by") from None
    if not changed:
        raise BadInput(_("Nobody counts this product: set its stock first."), field="by")
    product.refresh_from_db(fields=["stock", "updated_at"])


def add_collection(catalog: Catalog, name: str) -> Collection:
    """A new shelf behind the others; the shelf of that name where there is one."""
    name = name.strip()[:80]
    if not name:
        raise BadInput(_("Give it a name."), field="name")
    if catalog.collections.count() >= MOST_COLLECTIONS:
        raise BadInput(
            _("A shop has at most %(most)d collections.") % {"most": MOST_COLLECTIONS}, field="name"
        )
    last = catalog.collections.aggregate(last=Max("position"))["last"]
    slug = slug_of(name)
    fields = {
        "business_id": catalog.business_id,
        "name": name,
        "position": 0 if last is None else last + 1,
    }
    return Collection.objects.get_or_create(catalog=catalog, slug=slug, defaults=fields)[0]


def slug_of(name: str) -> str:
    """The name in an address; never empty, whatever the script."""
    return slugify(name)[:80] or f"c{zlib.crc32(name.encode())}"


def with_first_picture(products: QuerySet[Product]) -> QuerySet[Product]:
    """The same products, each with `picture_id` (the media's) of its first picture, or None."""
    first = Picture.objects.filter(product=OuterRef("pk"), media__isnull=False).order_by("position")
    return products.annotate(picture_id=Subquery(first.values("media__media_id")[:1]))


def in_front(catalog: Catalog) -> ProductQuerySet:
    """What the shop's page lists: of the variants of one product, the one that was there first."""
    shown = catalog.products.shown()
    earlier = catalog.products.shown().filter(
        item_group=OuterRef("item_group"), pk__lt=OuterRef("pk")
    )
    return shown.filter(Q(item_group="") | ~Exists(earlier))


def in_state(products: QuerySet[Product], state: str) -> QuerySet[Product]:
    """Narrowed to one of the words of `STATES`; the same for another word."""
    return products.filter(STATES[state]) if state in STATES else products


LOW = 5
STATES: dict[str, Q] = {
    "low": Q(stock__gt=0, stock__lte=LOW),
    "empty": Q(stock=0),
    "uncounted": Q(stock=None),
    "sale": Q(sale_price_minor__isnull=False),
    "hidden": Q(is_hidden=True),
    "unfetched": Q(Exists(Picture.objects.dead().filter(product=OuterRef("pk")))),
}
