"""Forms of the money pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.models import BillingDetails, Export, InvoiceStatus
from billing.models.details import fitting_vat_id, plain_vat_id
from core.territories import countries


class BillingDetailsForm(forms.ModelForm):  # type: ignore[type-arg]
    """What the business wants on its next invoices."""

    country = forms.ChoiceField(label=_("country"), choices=countries)

    class Meta:
        model = BillingDetails
        fields = ("name", "address", "country", "vat_id", "reference", "email", "auto_collect")
        widgets = {"address": forms.Textarea(attrs={"rows": 3})}  # noqa: RUF012

    def clean(self) -> dict[str, Any]:
        """A VAT id must be one of the country: it decides which tax is charged."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("vat_id") and given.get("country"):
            try:
                fitting_vat_id(given["vat_id"], given["country"])
            except ValidationError as wrong:
                self.add_error("vat_id", wrong)
            else:
                given["vat_id"] = plain_vat_id(given["vat_id"])
        return given


class FinanceExportForm(forms.Form):
    """Which invoices, and as what."""

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
        """As `exports.ask` takes them."""
        given = {"from": self.cleaned_data["first"], "to": self.cleaned_data["last"]}
        return {
            name: value
            for name, value in (given | {"statuses": self.cleaned_data["statuses"]}).items()
            if value
        }
