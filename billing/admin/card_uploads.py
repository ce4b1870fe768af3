"""Files of a new version of a rate card: the form, what they hold, and what is wrong with them."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin_site import kept_files
from accounts.admin_site.confirmation import StyledForm, Table
from billing.models import Market
from billing.rate_cards import csv_files
from billing.rate_cards.versions import CardError, Sheet

MAX_ROWS_SHOWN = 500


class UploadForm(StyledForm):
    """Files of a new version: one in our layout, or Meta's two sheets."""

    rates = forms.FileField(
        label=_("Rates (CSV)"), help_text=_("Our layout, or Meta's rate sheet.")
    )
    tiers = forms.FileField(
        label=_("Volume tiers (CSV)"), required=False, help_text=_("Meta's tier sheet, if any.")
    )
    valid_from = forms.DateField(
        label=_("Valid from"), help_text=_("First day of a month, as in 2026-01-01.")
    )
    service_free_in_window = forms.BooleanField(
        label=_("Service is free in the 24-hour window"), required=False
    )
    utility_free_in_window = forms.BooleanField(
        label=_("Utility is free in the 24-hour window"), required=False
    )
    free_entry_hours = forms.IntegerField(
        label=_("Free-entry window, hours"), initial=72, min_value=0, max_value=168
    )
    free_messages = forms.IntegerField(
        label=_("Free service messages"),
        initial=0,
        min_value=0,
        max_value=10**6,
        help_text=_("For each number and month."),
    )
    reactions_free = forms.BooleanField(label=_("Reactions are free"), required=False, initial=True)
    failed_charged = forms.BooleanField(label=_("Failed messages are charged"), required=False)
    reported_prices = forms.BooleanField(
        label=_("Marketing costs what the network reports, at most these prices"), required=False
    )
    kept = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, files: Any = None) -> None:
        kept: dict[str, Any] = {}
        if data is not None:
            data, kept = kept_files.restored(data, files, ("rates", "tiers"))
        super().__init__(data, None if data is None else kept)
        for name, file in kept.items():
            # A browser empties its file inputs when a form comes back.
            self.fields[name].widget.is_required = False
            self.fields[name].help_text = _("%(file)s is kept; choose one only to replace it.") % {
                "file": file.name
            }

    def clean_valid_from(self) -> date:
        """Require the first day of a month."""
        day: date = self.cleaned_data["valid_from"]
        if day.day != 1:
            raise forms.ValidationError(_("A version begins on the first day of a month."))
        return day


def sheet_of_files(data: dict[str, Any]) -> Sheet:
    """The uploaded files as one sheet; raises CardError for files that are not text."""
    files = [one for one in (data["rates"], data["tiers"]) if one]
    try:
        texts = [(one.name, one.read().decode("utf-8-sig")) for one in files]
    except UnicodeDecodeError as error:
        raise CardError("The file is not text in UTF-8; export it as CSV.") from error
    return csv_files.read(*texts, markets=Market.objects.values_list("name", flat=True))


def problems_of(sheet: Sheet) -> Table:
    """Every problem of the files by row and column."""
    rows = [
        (one.file, one.row or "", one.column or "", one.reason)
        for one in sheet.problems[:MAX_ROWS_SHOWN]
    ]
    title = ngettext(
        "%(count)s problem; nothing was changed",
        "%(count)s problems; nothing was changed",
        len(sheet.problems),
    ) % {"count": len(sheet.problems)}
    return Table(title, (_("File"), _("Row"), _("Column"), _("What is wrong")), rows)
