"""Rules of tax in the admin: each change is dated and in the audit log."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from accounts.admin_site.base import AuditedAdmin, EditableInline
from accounts.audit import record
from billing.models import (
    ExchangeRate,
    TaxCountry,
    TaxRate,
    TaxRegion,
    TaxRegistration,
    TaxTerritory,
)


class SuccessionAdmin(AuditedAdmin):
    """Dated rows of which one holds at a time: a new one ends the one before it on its first day.

    `place` names the field that says of what it holds.
    """

    place: ClassVar[str]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save; where the row is new, end the open one before it. Both are in the audit log."""
        if not change:
            before = self.model._default_manager.filter(
                **{self.place: getattr(obj, self.place)},
                valid_from__lt=obj.valid_from,
                valid_to=None,
            )
            for ended in before:
                ended.valid_to = obj.valid_from
                ended.save(update_fields=["valid_to"])
                self._record_ended(ended)
        super().save_model(request, obj, form, change)

    def _record_ended(self, row: Model) -> None:
        record.record(
            action=f"{row._meta.model_name}.ended",
            subject=row,
            before={"valid_to": None},
            after={"valid_to": row.valid_to},  # type: ignore[attr-defined]
        )


@admin.register(TaxRate)
class TaxRateAdmin(SuccessionAdmin):
    """Rates of countries and states; a new one begins on its day and ends the old one."""

    place = "place"
    list_display = ("place", "percent", "valid_from", "valid_to", "source")
    search_fields = ("place",)


@admin.register(TaxCountry)
class TaxCountryAdmin(SuccessionAdmin):
    """What law a country has on services like ours."""

    place = "country"
    list_display = ("country", "scheme", "tax_name", "currency", "abroad", "valid_from", "valid_to")
    list_filter = ("scheme",)
    search_fields = ("country",)


@admin.register(TaxTerritory)
class TaxTerritoryAdmin(AuditedAdmin):
    """Parts of countries with a tax of their own."""

    list_display = ("name", "country", "postcodes", "taxed_as", "supplies", "valid_from")
    search_fields = ("name", "country")


@admin.register(TaxRegion)
class TaxRegionAdmin(AuditedAdmin):
    """States of countries that tax by states."""

    list_display = ("name", "country", "code", "number", "tax_name")
    list_filter = ("country",)
    search_fields = ("name", "code")


@admin.register(ExchangeRate)
class ExchangeRateAdmin(AuditedAdmin):
    """Rates of central banks; files of them are loaded by `manage.py load_exchange_rates`."""

    list_display = ("day", "currency", "per_euro")
    list_filter = ("currency",)


class RegistrationInline(EditableInline):
    """Tax ids of the seller abroad and in states."""

    model = TaxRegistration
    fields = ("place", "number", "valid_from", "valid_to")
