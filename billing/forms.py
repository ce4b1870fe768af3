"""Forms of the billing pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.models import BillingDetails, Export, InvoiceStatus
from billing.models.details import check_vat_id, normalize_vat_id
from core.territories import countries


class BillingDetailsForm(forms.ModelForm):  # type: ignore[type-arg]
    """The buyer's details on future invoices."""

    country = forms.ChoiceField(label=_("country"), choices=countries)

    class Meta:
        model = BillingDetails
        fields = ("name", "address", "country", "vat_id", "reference", "email", "auto_collect")
        widgets = {"address": forms.Textarea(attrs={"rows": 3})}  # noqa: RUF012

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
        return given


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
