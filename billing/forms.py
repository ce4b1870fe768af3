"""Forms of the money pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import Export, InvoiceStatus


class FinanceExportForm(forms.Form):
    """Which invoices, and as what."""

    kind = forms.ChoiceField(label=_("Written as"), choices=Export.Kind.choices)
    first = forms.CharField(
        label=_("From month"), required=False, widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-01"})
    )
    last = forms.CharField(
        label=_("To month"), required=False, widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-12"})
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
        return {name: value for name, value in (given | {"statuses": self.cleaned_data["statuses"]}).items() if value}
