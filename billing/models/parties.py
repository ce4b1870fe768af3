"""What invoices say of a party besides its name: address, contact, and where e-invoices go."""

import csv
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from stdnum import ean
from stdnum.au import abn
from stdnum.be import vat as be_vat
from stdnum.dk import cvr
from stdnum.no import orgnr
from stdnum.se import orgnr as se_orgnr

from core import widths

EAS = Path(__file__).resolve().parent.parent / "data" / "eas.csv"
# Schemes whose identifiers have check digits that networks check.
_CHECKS = {
    "0007": se_orgnr.is_valid,
    "0088": ean.is_valid,
    "0151": abn.is_valid,
    "0184": cvr.is_valid,
    "0192": orgnr.is_valid,
    "0208": be_vat.is_valid,
}


@cache
def endpoint_schemes() -> tuple[tuple[str, str], ...]:
    """(code, name) of the electronic address schemes (EAS) of the European Commission's list."""
    with EAS.open(encoding="utf-8", newline="") as file:
        return tuple((row["code"], f"{row['code']} {row['name']}") for row in csv.DictReader(file))


def check_endpoint(scheme: str, identifier: str) -> None:
    """Raise ValidationError for half an electronic address, or wrong check digits."""
    if bool(scheme) != bool(identifier):
        raise ValidationError(_("An electronic address needs both its scheme and its identifier."))
    check = _CHECKS.get(scheme)
    if check is not None and not check(identifier):
        raise ValidationError(
            _("%(id)s is no identifier of the scheme %(scheme)s: its check digits are wrong."),
            params={"id": identifier, "scheme": scheme},
        )


class Party(models.Model):
    """A seller or buyer: address in parts, contact, registration, electronic address."""

    postcode = models.CharField(_("postcode"), max_length=widths.POSTCODE, blank=True)
    city = models.CharField(_("city"), max_length=widths.CITY, blank=True)
    region = models.CharField(
        _("state or region"),
        max_length=widths.REGION,
        blank=True,
        help_text=_("Its code where tax depends on it: CA for California, MH for Maharashtra."),
    )
    registration = models.CharField(
        _("company number"),
        max_length=widths.COMPANY_NUMBER,
        blank=True,
        help_text=_("In the register of companies, such as HRB 1234 or a SIREN."),
    )
    contact_name = models.CharField(_("contact"), max_length=widths.CONTACT_NAME, blank=True)
    phone = models.CharField(_("telephone"), max_length=widths.PHONE, blank=True)
    endpoint_scheme = models.CharField(
        _("electronic address, scheme"),
        max_length=widths.ENDPOINT_SCHEME,
        blank=True,
        choices=endpoint_schemes,
    )
    endpoint_id = models.CharField(
        _("electronic address"),
        max_length=widths.ENDPOINT_ID,
        blank=True,
        help_text=_("Where e-invoices go, such as a Peppol participant or a Leitweg-ID."),
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Raise ValidationError for half an electronic address, or wrong check digits."""
        super().clean()
        check_endpoint(self.endpoint_scheme, self.endpoint_id)

    def party_copy(self) -> dict[str, Any]:
        """These fields as stored in invoices."""
        names = (
            *("postcode", "city", "region", "registration"),
            *("contact_name", "phone", "endpoint_scheme", "endpoint_id"),
        )
        return {name: getattr(self, name) for name in names}
