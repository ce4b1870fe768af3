"""`/api/v1/products/…`: list, create, change, count and delete products."""

from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.response import Response

from accounts.api import BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from core import money
from core.errors import BadInput, NotYours
from core.serializers import StrictSerializer
from hosting.api.v1.parsers import BoundedJSONParser
from shops.catalog import feed_columns, prices, products
from shops.catalog import pictures as catalog_pictures
from shops.models import Availability, Catalog, Condition, Picture, Product

MAX_ID = 2**63 - 1
AMOUNT_LIMITS: dict[str, Any] = {"max_digits": 15, "decimal_places": 3, "min_value": Decimal(0)}
EXAMPLE = {
    "retailer_id": "rye-1",
    "title": "Rye loaf",
    "price": "4.50",
    "stock": 12,
    "options": {"size": "1 kg"},
}


class ProductSerializer(serializers.ModelSerializer[Product]):
    """One product, or one variant of it; amounts are decimals in the shop's currency."""

    currency = serializers.CharField(source="catalog.currency", read_only=True)
    catalog_id = serializers.CharField(
        source="catalog.catalog_id", read_only=True, help_text="As the Cloud API names it."
    )
    link = serializers.CharField(read_only=True, help_text="Empty where there is none.")
    price = serializers.SerializerMethodField()
    sale_price = serializers.SerializerMethodField()
    current_price = serializers.SerializerMethodField(help_text="What one costs now.")
    pictures = serializers.SerializerMethodField(
        help_text="Addresses; the first one is shown in lists."
    )
    collections: Any = serializers.SlugRelatedField("slug", many=True, read_only=True)

    class Meta:
        model = Product
        fields = (
            "id",
            "catalog_id",
            "retailer_id",
            "item_group",
            "options",
            "title",
            "description",
            "brand",
            "category",
            "link",
            "condition",
            "availability",
            "currency",
            "price",
            "sale_price",
            "sale_from",
            "sale_until",
            "current_price",
            "tax_percent",
            "stock",
            "is_hidden",
            "collections",
            "pictures",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def get_price(self, product: Product) -> str:
        """Decimal."""
        return str(money.minor_amount(product.price_minor, product.catalog.currency))

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_sale_price(self, product: Product) -> str | None:
        """Decimal, or null."""
        sale = product.sale_price_minor
        return None if sale is None else str(money.minor_amount(sale, product.catalog.currency))

    def get_current_price(self, product: Product) -> str:
        """Decimal."""
        return str(money.minor_amount(product.current_minor, product.catalog.currency))

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_pictures(self, product: Product) -> list[str]:
        """Our URL of a fetched picture, the source link of one that is not fetched yet."""
        slug, edge = product.catalog.slug, catalog_pictures.EDGES[-1]
        return [
            catalog_pictures.size_url(slug, one, edge) or one.source_url
            for one in product.pictures.all()
        ]


class OptionsField(serializers.DictField):
    """Options of a variant."""

    child = serializers.CharField(max_length=100)

    def to_internal_value(self, data: Any) -> Any:
        """Accept only the option columns of Meta's feed."""
        unknown = set(data) - set(feed_columns.OPTIONS) if isinstance(data, dict) else set()
        if unknown:
            raise serializers.ValidationError(
                f"{sorted(map(str, unknown))[0][:40]} is none of {', '.join(feed_columns.OPTIONS)}."
            )
        return super().to_internal_value(data)


class ProductChange(StrictSerializer):
    """Writable fields of a product."""

    retailer_id = serializers.CharField(max_length=100)
    title = serializers.CharField(max_length=200)
    price = serializers.DecimalField(**AMOUNT_LIMITS)
    item_group = serializers.CharField(max_length=100, allow_blank=True, required=False)
    options = OptionsField(required=False)
    description = serializers.CharField(max_length=9999, allow_blank=True, required=False)
    brand = serializers.CharField(max_length=100, allow_blank=True, required=False)
    category = serializers.CharField(max_length=250, allow_blank=True, required=False)
    link = serializers.URLField(max_length=1000, allow_blank=True, required=False)
    condition = serializers.ChoiceField(choices=Condition.choices, required=False)
    availability = serializers.ChoiceField(choices=Availability.choices, required=False)
    sale_price = serializers.DecimalField(**AMOUNT_LIMITS, allow_null=True, required=False)
    sale_from = serializers.DateTimeField(allow_null=True, required=False)
    sale_until = serializers.DateTimeField(allow_null=True, required=False)
    tax_percent = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=0, max_value=100, required=False
    )
    is_hidden = serializers.BooleanField(required=False)
    pictures = serializers.ListField(
        child=serializers.URLField(max_length=1000),
        max_length=catalog_pictures.MAX_PICTURES,
        required=False,
        help_text="Links, fetched in the background; they take the place of all pictures.",
    )

    def changes(self, currency: str) -> dict[str, Any]:
        """Model fields and values; raises BadInput for an amount the currency does not have."""
        found = {name: value for name, value in self.validated_data.items() if name != "pictures"}
        for name in ("price", "sale_price"):
            if name in found:
                amount = found.pop(name)
                found[f"{name}_minor"] = None if amount is None else _minor(amount, currency, name)
        return found


class NewProduct(ProductChange):
    """Fields of a new product."""

    stock = serializers.IntegerField(
        min_value=0, max_value=products.MAX_STOCK, allow_null=True, required=False
    )


class StockChange(StrictSerializer):
    """A new count (`stock`, null: not counted) or a change (`by`), and the reason."""

    stock = serializers.IntegerField(
        min_value=0, max_value=products.MAX_STOCK, allow_null=True, required=False
    )
    by = serializers.IntegerField(
        min_value=-products.MAX_STOCK, max_value=products.MAX_STOCK, required=False
    )
    reason = serializers.CharField(max_length=120)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require exactly one of the two."""
        if ("stock" in attrs) == ("by" in attrs):
            raise serializers.ValidationError({"stock": "Send exactly one of stock and by."})
        return attrs


def _minor(amount: Decimal, currency: str, field: str) -> int:
    try:
        return prices.minor_of(amount, currency)
    except ValueError:
        raise BadInput(f"Not an amount in {currency}.", field=field) from None


class ProductView(BusinessAPIView):
    """Base of product endpoints."""

    parser_classes = (BoundedJSONParser,)
    serializer_class = ProductSerializer
    queryset = Product.objects.all()
    required_scope = KeyScope.SHOP

    def get_queryset(self) -> QuerySet[Product]:
        """Products with everything the serializer shows."""
        shots = Prefetch("pictures", Picture.objects.select_related("media").order_by("position"))
        rows: QuerySet[Product] = super().get_queryset()
        return rows.select_related("catalog", "business").prefetch_related(shots, "collections")

    def one(self, product_id: int) -> Product:
        """The caller's product; raises NotYours."""
        found = self.get_queryset().filter(pk=product_id).first() if product_id <= MAX_ID else None
        if found is None:
            raise NotYours
        return found

    def shown(self, product_id: int, status: int = 200) -> Response:
        """Response with the current product."""
        return Response(ProductSerializer(self.one(product_id)).data, status=status)


@extend_schema_view(
    get=extend_schema(
        operation_id="products_list",
        parameters=[
            OpenApiParameter(
                "q",
                str,
                description="Beginnings of words in title, brand, category, options or id.",
            ),
            OpenApiParameter("retailer_id", str, description="Exactly this id."),
            OpenApiParameter("item_group", str, description="The variants of this group."),
        ],
    )
)
class Products(ProductView, ListAPIView[Product]):
    """Products, the newest first."""

    query_fields = ("q", "retailer_id", "item_group")

    def get_queryset(self) -> QuerySet[Product]:
        """Products filtered by the query parameters."""
        rows: Any = super().get_queryset()
        asked = self.request.query_params
        for name in ("retailer_id", "item_group"):
            if asked.get(name):
                rows = rows.filter(**{name: asked[name]})
        found: QuerySet[Product] = rows.search(asked.get("q", "")[:100])
        return found

    @extend_schema(
        operation_id="products_create",
        request=NewProduct,
        responses={201: ProductSerializer},
        examples=[OpenApiExample("A product", EXAMPLE, request_only=True)],
    )
    def post(self, request: BusinessAPIRequest) -> Response:
        """Add a product to the shop."""
        catalog = products.get_shop(request.business)
        if catalog is None:
            raise BadInput("Open a shop first: /shop/settings/.", field="catalog_id")
        given = NewProduct(data=request.data)
        given.is_valid(raise_exception=True)
        product = Product(business=request.business, catalog=catalog)
        products.save_product(product, changes=given.changes(catalog.currency))
        _set_pictures(catalog, product, given.validated_data)
        return self.shown(product.pk, 201)


class ProductById(ProductView):
    """One product."""

    pagination_class: Any = None

    def get(self, request: BusinessAPIRequest, product_id: int) -> Response:
        """One product."""
        return self.shown(product_id)

    @extend_schema(request=ProductChange(partial=True))
    def patch(self, request: BusinessAPIRequest, product_id: int) -> Response:
        """Change the given fields; stock is changed at its own URL, with a reason."""
        product = self.one(product_id)
        if "stock" in request.data:
            raise BadInput("Change the stock at /stock/, with a reason.", field="stock")
        given = ProductChange(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        products.save_product(product, changes=given.changes(product.catalog.currency))
        _set_pictures(product.catalog, product, given.validated_data)
        return self.shown(product.pk)

    @extend_schema(responses={204: None})
    def delete(self, request: BusinessAPIRequest, product_id: int) -> Response:
        """Delete a product; orders keep their copies of its data."""
        products.remove_product(self.one(product_id))
        return Response(status=204)


class ProductStock(ProductView):
    """Stock of a product."""

    pagination_class: Any = None

    @extend_schema(request=StockChange, responses={200: ProductSerializer})
    def post(self, request: BusinessAPIRequest, product_id: int) -> Response:
        """Set the stock or change it, safe against concurrent orders; a negative result is
        refused.
        """
        product = self.one(product_id)
        given = StockChange(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        if "by" in asked:
            products.change_stock(product, by=asked["by"], reason=asked["reason"])
        else:
            products.set_stock(product, stock=asked["stock"], reason=asked["reason"])
        return self.shown(product.pk)


def _set_pictures(catalog: Catalog, product: Product, given: dict[str, Any]) -> None:
    if "pictures" in given:
        with connection.cursor() as cursor:
            catalog_pictures.replace_pictures(
                cursor,
                catalog,
                [
                    {
                        "retailer_id": product.retailer_id,
                        "pictures": list(dict.fromkeys(given["pictures"])),
                    }
                ],
            )
