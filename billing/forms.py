"""Forms of the billing pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.documents import einvoice
from billing.models import BillingDetails, Export, InvoiceStatus, Seller
from billing.models.details import check_vat_id, normalize_vat_id
from core.territories import countries


class BillingDetailsForm(forms.ModelForm):  # type: ignore[type-arg]
    """The buyer's details on future invoices."""

    country = forms.ChoiceField(label=_("country"), choices=countries)

    class Meta:
        model = BillingDetails
        fields = (
            *("name", "address", "postcode", "city", "region", "country"),
            *("vat_id", "registration", "contact_name", "phone", "email"),
            *("reference", "order_number", "language", "einvoice_format"),
            *("endpoint_scheme", "endpoint_id", "auto_collect"),
        )
        widgets = {"address": forms.Textarea(attrs={"rows": 3})}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("language", "einvoice_format"):
            self.fields[name].required = False

    def clean_language(self) -> str:
        """The language as it was where the form has none."""
        return str(self.cleaned_data["language"] or self.instance.language)

    def clean_einvoice_format(self) -> str:
        """The format as it was where the form has none."""
        return str(self.cleaned_data["einvoice_format"] or self.instance.einvoice_format)

    def clean(self) -> dict[str, Any]:
        """Require a VAT id that is valid in the country, because it decides the tax."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("vat_id") and given.get("country"):
            try:
                check_vat_id(given["vat_id"], given["country"])
            except ValidationError as wrong:
                self.add_error("vat_id", wrong)
            else:
                given["vat_id"] = normalize_vat_id(given["vat_id"])
        self._check_format(given)
        return given

    def _check_format(self, given: dict[str, Any]) -> None:
        """Refuse a format for which the customer's own details lack something."""
        chosen = given.get("einvoice_format")
        if not chosen or self.errors:
            return
        buyer = {name: str(value or "") for name, value in given.items()}
        found = einvoice.lacks(chosen, Seller.current().as_copy(), buyer)
        if missing := [one.text for one in found if one.of == "buyer"]:
            self.add_error(
                "einvoice_format",
                _("This format also needs %(what)s.") % {"what": ", ".join(missing)},
            )


class FinanceExportForm(forms.Form):
    """Kind, months and statuses of a finance export."""

    kind = forms.ChoiceField(label=_("Written as"), choices=Export.Kind.choices)
    first = forms.CharField(
        label=_("From month"),
        required=False,
        widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-01"}),
    )
    last = forms.CharField(
        label=_("To month"),
        required=False,
        widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-12"}),
    )
    statuses = forms.MultipleChoiceField(
        label=_("Only these"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[choice for choice in InvoiceStatus.choices if choice[0] != InvoiceStatus.DRAFT],
    )

    def as_filters(self) -> dict[str, Any]:
        """Filters as `finance_exports.request_export` takes them."""
        given = {"from": self.cleaned_data["first"], "to": self.cleaned_data["last"]}
        return {
            name: value
            for name, value in (given | {"statuses": self.cleaned_data["statuses"]}).items()
            if value
        }
