"""Forms of the shop's pages for sellers."""

from decimal import Decimal
from typing import Any, ClassVar, cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import money
from hosting.models import Number
from shops.catalog import prices
from shops.models import Availability, Catalog, Collection, Condition, DeliveryMethod, Product

# Columns of Meta's feed that distinguish variants.
OPTIONS = ("color", "size", "material", "pattern")
# No currency has more than three decimals.
PRICE_LIMITS: dict[str, Any] = {
    "max_digits": 15,
    "decimal_places": 3,
    "min_value": Decimal(0),
    "localize": False,
}
CURRENCIES = ["EUR", "USD", "GBP", "CHF", "BRL", "MXN", "INR", "IDR", "ZAR", "JPY", "KWD"]


class ShopForm(forms.ModelForm):  # type: ignore[type-arg]
    """Settings of the shop: page, number, currency, payment methods."""

    number = forms.ModelChoiceField(
        queryset=Number.objects.none(), label=_("Number"), help_text=_("Buyers write to it.")
    )
    stripe_key = forms.CharField(
        required=False,
        max_length=400,
        label=_("Stripe secret key"),
        help_text=_("Card payments go to your own Stripe account. Empty: stays as it is."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    stripe_webhook_secret = forms.CharField(
        required=False,
        max_length=400,
        label=_("Stripe webhook secret"),
        help_text=_("Empty: stays as it is."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = Catalog
        fields = (
            "name",
            "slug",
            "description",
            "number",
            "language",
            "currency",
            "tax_included",
            "is_open",
            "takes_card",
            "takes_cash",
            "takes_transfer",
            "bank_details",
            "hold_minutes",
            "stripe_key",
            "stripe_webhook_secret",
            "upstream_id",
        )
        labels: ClassVar = {
            "name": _("Name"),
            "slug": _("Address"),
            "description": _("Description"),
            "currency": _("Currency"),
            "language": _("Language"),
            "tax_included": _("Prices include tax"),
            "is_open": _("The shop takes orders"),
            "takes_card": _("Card"),
            "takes_cash": _("Cash on delivery"),
            "takes_transfer": _("Bank transfer"),
            "bank_details": _("Bank details"),
            "hold_minutes": _("Minutes goods are held"),
            "upstream_id": _("Catalogue id at the upstream"),
        }
        help_texts: ClassVar = {
            "slug": _("Your page is at /s/ and these letters, digits and hyphens."),
            "currency": _("Three letters, such as EUR. It stays once there are products."),
            "tax_included": "",
            "is_open": "",
            "takes_card": "",
            "takes_cash": "",
        }
        widgets: ClassVar = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "bank_details": forms.Textarea(attrs={"rows": 2}),
            "currency": forms.TextInput(
                attrs={"list": "currencies", "autocapitalize": "characters"}
            ),
        }

    def __init__(self, business: Business, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.business = business
        cast(Any, self.fields["number"]).queryset = Number.objects.filter(
            business=business
        ).order_by("id")
        held = self.instance.pk and self.instance.products.exists()
        self.fields["currency"].disabled = bool(held)

    def clean_currency(self) -> str:
        """The ISO code in capitals; raises ValidationError for an unknown one."""
        currency = str(self.cleaned_data["currency"]).upper()
        from babel.numbers import is_currency

        if not is_currency(currency):
            raise forms.ValidationError(_("Three letters, such as EUR."))
        return currency

    def clean(self) -> dict[str, Any]:
        """Keep secrets that were left empty, and require a payment method for an open shop."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("stripe_key", "stripe_webhook_secret"):
            if not cleaned.get(name):
                cleaned[name] = self.initial.get(name)
        if cleaned.get("is_open") and not any(
            cleaned.get(way) for way in ("takes_card", "takes_cash", "takes_transfer")
        ):
            self.add_error("is_open", _("Choose at least one way to pay."))
        if cleaned.get("takes_transfer") and not cleaned.get("bank_details"):
            self.add_error("bank_details", _("Buyers need to know where to pay."))
        return cleaned


class DeliveryForm(forms.ModelForm):  # type: ignore[type-arg]
    """A delivery method with its price."""

    price = forms.DecimalField(label=_("Price"), initial=0, **PRICE_LIMITS)

    class Meta:
        model = DeliveryMethod
        fields = ("name", "tax_percent", "needs_address", "countries")
        labels: ClassVar = {
            "name": _("Name"),
            "tax_percent": _("Tax, %"),
            "needs_address": _("Needs an address"),
            "countries": _("Countries"),
        }
        help_texts: ClassVar = {"needs_address": ""}

    def __init__(self, catalog: Catalog, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.catalog = catalog
        self.instance.catalog, self.instance.business_id = catalog, catalog.business_id

    def clean_price(self) -> Decimal:
        """The price; its value in minor units is set on the instance."""
        given: Decimal = self.cleaned_data["price"]
        self.instance.price_minor = _minor(given, self.catalog.currency)
        return given


def _minor(given: Decimal, currency: str) -> int:
    try:
        return prices.minor_of(given, currency)
    except ValueError:
        raise forms.ValidationError(
            _("Not an amount in %(currency)s.") % {"currency": currency}
        ) from None


class ProductForm(forms.Form):
    """One product, or one variant of it."""

    title = forms.CharField(max_length=200, label=_("Title"))
    description = forms.CharField(
        max_length=9999,
        required=False,
        label=_("Description"),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    price = forms.DecimalField(label=_("Price"), **PRICE_LIMITS)
    sale_price = forms.DecimalField(required=False, label=_("Sale price"), **PRICE_LIMITS)
    sale_from = forms.DateTimeField(
        required=False,
        label=_("Sale begins"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    sale_until = forms.DateTimeField(
        required=False,
        label=_("Sale ends"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    tax_percent = forms.DecimalField(
        max_digits=5, decimal_places=2, min_value=0, max_value=100, initial=0, label=_("Tax, %")
    )
    availability = forms.ChoiceField(choices=Availability.choices, label=_("Availability"))
    condition = forms.ChoiceField(choices=Condition.choices, label=_("Condition"))
    retailer_id = forms.CharField(
        max_length=100,
        label=_("Id"),
        help_text=_("Your own; the Cloud API calls it product_retailer_id."),
    )
    item_group = forms.CharField(
        max_length=100,
        required=False,
        label=_("Group of variants"),
        help_text=_("The same words make variants of one another."),
    )
    color = forms.CharField(max_length=100, required=False, label=_("Colour"))
    size = forms.CharField(max_length=100, required=False, label=_("Size"))
    material = forms.CharField(max_length=100, required=False, label=_("Material"))
    pattern = forms.CharField(max_length=100, required=False, label=_("Pattern"))
    brand = forms.CharField(max_length=100, required=False, label=_("Brand"))
    category = forms.CharField(
        max_length=250,
        required=False,
        label=_("Category"),
        help_text=_("Your own path, such as Bread > Rye."),
    )
    link = forms.URLField(max_length=1000, required=False, label=_("Link"), assume_scheme="https")
    collections = forms.ModelMultipleChoiceField(
        queryset=Collection.objects.none(),
        required=False,
        label=_("Collections"),
        widget=forms.CheckboxSelectMultiple,
    )
    is_hidden = forms.BooleanField(
        required=False, label=_("Hidden: neither on the page nor to be ordered")
    )

    def __init__(self, catalog: Catalog, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.catalog = catalog
        cast(Any, self.fields["collections"]).queryset = catalog.collections.all()

    def clean_price(self) -> int:
        """The price in minor units."""
        return _minor(self.cleaned_data["price"], self.catalog.currency)

    def clean_sale_price(self) -> int | None:
        """The sale price in minor units, or None."""
        given = self.cleaned_data["sale_price"]
        return None if given is None else _minor(given, self.catalog.currency)

    def changes(self) -> dict[str, Any]:
        """Product fields and their new values."""
        given = self.cleaned_data
        plain = (
            "title",
            "description",
            "sale_from",
            "sale_until",
            "tax_percent",
            "availability",
            "condition",
            "retailer_id",
            "item_group",
            "brand",
            "category",
            "link",
            "is_hidden",
        )
        chosen = {name: given[name] for name in plain}
        kept = {name: given[name] for name in OPTIONS if given[name]}
        return chosen | {
            "price_minor": given["price"],
            "sale_price_minor": given["sale_price"],
            "options": kept,
        }

    def collection_ids(self) -> list[int]:
        """Ids of the collections the product belongs to."""
        return [collection.pk for collection in self.cleaned_data["collections"]]


def initial_of(
    product: Product, currency: str, collections: "QuerySet[Collection]"
) -> dict[str, Any]:
    """Initial values of the product form."""
    sale = product.sale_price_minor
    shown = {
        name: getattr(product, name) for name in ProductForm.base_fields if hasattr(product, name)
    }
    return (
        shown
        | {name: product.options.get(name, "") for name in OPTIONS}
        | {
            "price": money.minor_amount(product.price_minor, currency),
            "sale_price": None if sale is None else money.minor_amount(sale, currency),
            "collections": list(collections),
        }
    )


class StockForm(forms.Form):
    """A new stock count, or a change of it, with a reason."""

    stock = forms.IntegerField(
        required=False,
        label=_("Now there are"),
        help_text=_("Empty, with nothing added: nobody counts it."),
    )
    by = forms.IntegerField(
        required=False,
        label=_("Or add (take away: minus)"),
        min_value=-2_000_000_000,
        max_value=2_000_000_000,
    )
    reason = forms.CharField(
        max_length=120, label=_("Reason"), help_text=_("Such as: delivery, counted, broken.")
    )
