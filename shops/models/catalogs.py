"""Catalogues: products with prices and stock, collections and delivery methods."""

import re
from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.encryption import EncryptedTextField
from core.queue import QueueRow
from core.queue.rows import dead_index, due_index
from hosting.models import Media, Number
from hosting.models.numbers import new_graph_id

# What the Cloud API's product lists and feeds allow.
WORD = re.compile(r"[^\W_]+")
MAX_WORDS = 8


class Catalog(models.Model):
    """A business's shop: one currency, one public page at `/s/<slug>/`, one number for its chats.

    `catalog_id` is its id in the Cloud API; `upstream_id` is the id of the same catalogue at an
    upstream.
    """

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="catalogs", db_index=False
    )
    number = models.ForeignKey(Number, on_delete=models.PROTECT, related_name="catalogs")
    catalog_id = models.CharField(max_length=widths.OBJECT_ID, unique=True, default=new_graph_id)
    upstream_id = models.CharField(
        max_length=widths.OBJECT_ID, blank=True, help_text=_("The catalogue's id at the upstream.")
    )
    name = models.CharField(max_length=widths.BUSINESS_NAME)
    slug = models.SlugField(max_length=60, unique=True)
    description = models.CharField(max_length=500, blank=True)
    currency = models.CharField(max_length=widths.CURRENCY)
    language = models.CharField(
        max_length=widths.LANGUAGE,
        default="en",
        choices=[("en", "English"), ("de", "Deutsch")],
        help_text=_("In which the shop writes to its buyers."),
    )
    tax_included = models.BooleanField(
        default=True, help_text=_("Whether prices hold the tax already.")
    )
    is_open = models.BooleanField(
        default=True, help_text=_("Closed shops show their page and take no orders.")
    )
    takes_card = models.BooleanField(default=True)
    takes_cash = models.BooleanField(default=False, help_text=_("Cash on delivery."))
    takes_transfer = models.BooleanField(default=False)
    bank_details = models.CharField(
        max_length=500, blank=True, help_text=_("Shown to buyers who pay by transfer.")
    )
    hold_minutes = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(5), MaxValueValidator(7 * 24 * 60)],
        help_text=_("How long an order keeps its goods without being paid."),
    )
    last_order = models.PositiveIntegerField(default=0, editable=False)
    stripe_key = EncryptedTextField(
        null=True,
        blank=True,
        help_text=_("The seller's own secret key: buyers' money goes to the seller."),
    )
    stripe_webhook_secret = EncryptedTextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(name=""), name="catalog_has_a_name"),
            models.CheckConstraint(
                condition=Q(currency__regex="^[A-Z]{3}$"), name="catalog_currency_is_iso"
            ),
            models.CheckConstraint(
                condition=Q(hold_minutes__range=(5, 7 * 24 * 60)), name="catalog_hold_in_range"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Availability(models.TextChoices):
    """Availability as in Meta's catalogue feed."""

    IN_STOCK = "in stock", _("In stock")
    OUT_OF_STOCK = "out of stock", _("Out of stock")
    PREORDER = "preorder", _("Preorder")
    AVAILABLE = "available for order", _("Available for order")
    DISCONTINUED = "discontinued", _("Discontinued")


# Products with these values can be ordered while they are in stock.
SELLABLE = [Availability.IN_STOCK, Availability.PREORDER, Availability.AVAILABLE]


class Condition(models.TextChoices):
    """Condition as in Meta's catalogue feed."""

    NEW = "new", _("New")
    REFURBISHED = "refurbished", _("Refurbished")
    USED = "used", _("Used")


class ProductQuerySet(models.QuerySet["Product"]):
    """Queries over products."""

    def shown(self) -> Self:
        """Products on the shop's public page."""
        return self.filter(is_hidden=False).exclude(availability=Availability.DISCONTINUED)

    def sellable(self) -> Self:
        """Products that can be ordered now."""
        return self.shown().filter(availability__in=SELLABLE).filter(Q(stock=None) | Q(stock__gt=0))

    def search(self, text: str) -> Self:
        """Products that contain every word of `text`, as whole words or as beginnings of words.

        Searches title, brand, category, options and ids.
        """
        words = WORD.findall(text.lower())[:MAX_WORDS]
        if not words:
            return self
        asked = " & ".join(f"{word}:*" for word in words)
        # The column is generated by the database (`product_words.sql`), and no model reads it.
        found = RawSQL(
            "shops_product.words @@ to_tsquery('simple', %s)",
            [asked],
            output_field=models.BooleanField(),
        )
        return self.filter(found)


class Product(models.Model):
    """One product as a row of Meta's feed; rows with the same `item_group` are its variants.

    Prices are in minor units. `stock` counts pieces that are neither sold nor reserved; None means
    stock is not counted.
    """

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    catalog = models.ForeignKey(
        Catalog, on_delete=models.CASCADE, related_name="products", db_index=False
    )
    retailer_id = models.CharField(
        max_length=widths.RETAILER_ID,
        help_text=_("The feed's id; `product_retailer_id` in the Cloud API."),
    )
    item_group = models.CharField(max_length=widths.RETAILER_ID, blank=True)
    options = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("Options of the variant, such as {'color': 'Red', 'size': 'M'}."),
    )
    title = models.CharField(max_length=widths.PRODUCT_TITLE)
    description = models.TextField(max_length=9999, blank=True)
    brand = models.CharField(max_length=100, blank=True)
    category = models.CharField(
        max_length=250, blank=True, help_text=_("The seller's own path, such as Bread > Rye.")
    )
    link = models.URLField(max_length=1000, blank=True)
    condition = models.CharField(max_length=12, choices=Condition.choices, default=Condition.NEW)
    availability = models.CharField(
        max_length=20, choices=Availability.choices, default=Availability.IN_STOCK
    )
    price_minor = models.BigIntegerField()
    sale_price_minor = models.BigIntegerField(null=True, blank=True)
    sale_from = models.DateTimeField(null=True, blank=True)
    sale_until = models.DateTimeField(null=True, blank=True)
    tax_percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    stock = models.IntegerField(null=True, blank=True)
    is_hidden = models.BooleanField(
        default=False, help_text=_("Neither on the shop's page nor to be ordered.")
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["title", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["catalog", "retailer_id"], name="product_once_per_catalog"
            ),
            models.CheckConstraint(
                condition=~Q(title="") & ~Q(retailer_id=""), name="product_has_id_and_title"
            ),
            models.CheckConstraint(condition=Q(price_minor__gte=0), name="price_not_below_zero"),
            models.CheckConstraint(
                condition=Q(sale_price_minor=None)
                | Q(sale_price_minor__gte=0, sale_price_minor__lte=F("price_minor")),
                name="sale_price_up_to_price",
            ),
            models.CheckConstraint(
                condition=Q(sale_from=None) | Q(sale_until=None) | Q(sale_from__lt=F("sale_until")),
                name="sale_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(stock=None) | Q(stock__gte=0), name="stock_not_below_zero"
            ),
            models.CheckConstraint(
                condition=Q(tax_percent__range=(0, 100)), name="tax_is_a_percentage"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["catalog", "title", "id"], name="product_by_title"),
            models.Index(
                fields=["catalog", "item_group"],
                condition=~Q(item_group=""),
                name="product_variants",
            ),
        ]

    def __str__(self) -> str:
        return self.full_title

    @property
    def full_title(self) -> str:
        """The title with the variant's options, as orders and chats show it."""
        return ", ".join([self.title, *filter(None, map(str, self.options.values()))])

    @property
    def is_on_sale(self) -> bool:
        """Whether the sale price applies now, by the business's clock."""
        now = self.business.now()
        return (
            self.sale_price_minor is not None
            and (self.sale_from is None or self.sale_from <= now)
            and (self.sale_until is None or now < self.sale_until)
        )

    @property
    def current_minor(self) -> int:
        """Current price in minor units."""
        return (
            self.sale_price_minor
            if self.is_on_sale and self.sale_price_minor is not None
            else self.price_minor
        )


class Picture(QueueRow):
    """A picture of a product; with a `source_url` and no media it is still to be fetched."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="pictures", db_index=False
    )
    position = models.PositiveSmallIntegerField(default=0)
    # Deleting the media file deletes the picture.
    media = models.ForeignKey(
        Media, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    source_url = models.URLField(max_length=1000, blank=True)

    class Meta:
        ordering: ClassVar = ["product", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["product", "position"],
                name="picture_once_per_place",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(
                condition=Q(media__isnull=False) | ~Q(source_url=""), name="picture_has_a_source"
            ),
        ]
        indexes: ClassVar = [
            due_index("picture_due", "business", "id", is_open=Q(media=None)),
            dead_index("picture_dead", "business"),
        ]

    def __str__(self) -> str:
        return f"picture {self.position} of {self.product_id}"


class Collection(models.Model):
    """A named group of products on the shop's page."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    catalog = models.ForeignKey(
        Catalog, on_delete=models.CASCADE, related_name="collections", db_index=False
    )
    name = models.CharField(max_length=widths.COLLECTION_NAME)
    slug = models.SlugField(max_length=widths.COLLECTION_NAME)
    position = models.PositiveSmallIntegerField(default=0)
    products = models.ManyToManyField(
        Product, through="CollectionProduct", related_name="collections"
    )

    class Meta:
        ordering: ClassVar = ["position", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["catalog", "slug"], name="collection_once_per_catalog"),
            models.CheckConstraint(condition=~Q(name=""), name="collection_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class CollectionProduct(models.Model):
    """Membership of a product in a collection."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["collection", "product"], name="product_once_per_collection"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} in {self.collection_id}"


class DeliveryMethod(models.Model):
    """A way to deliver goods, with its price and tax."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="delivery_methods")
    name = models.CharField(max_length=widths.DELIVERY_NAME)
    price_minor = models.BigIntegerField(default=0)
    tax_percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    needs_address = models.BooleanField(default=True, help_text=_("Pick-up needs none."))
    countries = models.CharField(
        max_length=200, blank=True, help_text=_("Two-letter codes; empty: everywhere.")
    )
    is_active = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(name=""), name="delivery_has_a_name"),
            models.CheckConstraint(condition=Q(price_minor__gte=0), name="delivery_not_below_zero"),
            models.CheckConstraint(
                condition=Q(tax_percent__range=(0, 100)), name="delivery_tax_is_a_percentage"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def served(self) -> list[str]:
        """Country codes it delivers to; empty means every country."""
        return self.countries.replace(",", " ").upper().split()


class StockMove(models.Model):
    """A change of counted stock with its reason.

    The database writes the row with every change; it is never edited.
    """

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="moves", db_index=False
    )
    change = models.IntegerField()
    stock = models.IntegerField(null=True, help_text=_("What was left; empty when counting ended."))
    reason = models.CharField(max_length=120, blank=True)
    order = models.ForeignKey(
        "shops.Order", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["product", "-id"], name="stock_moves_newest")]

    def __str__(self) -> str:
        return f"{self.change:+} of {self.product_id}"
