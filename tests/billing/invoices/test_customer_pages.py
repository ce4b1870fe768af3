"""Billing pages of customers: details that decide tax, the live draft, the e-mails that were
sent.
"""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import Business
from billing.invoices import close
from billing.metering import meter
from billing.models import BillingDetails, Invoice, Period
from billing.models.details import check_vat_id, normalize_vat_id, validate_vat_id
from core.models import Email
from core.tenancy import system
from tests.billing.invoices.test_pages import as_member
from tests.factories import make_business, make_deliveries, make_number

pytestmark = pytest.mark.django_db
GIVEN = {
    "name": "Korn GmbH",
    "address": "Weg 1",
    "postcode": "10115",
    "city": "Berlin",
    "country": "DE",
    "email": "books@korn.example",
}


@pytest.fixture
def business() -> Business:
    return make_business(
        name="Korn",
        country="DE",
        plan_id="team",
        timezone="UTC",
        clock_at=datetime(2026, 6, 15, tzinfo=UTC),
    )


@pytest.fixture
def client(business: Business) -> Client:
    return as_member(business, "finance")


def test_details_are_kept_and_put_on_the_next_invoice(client: Client, business: Business) -> None:
    answer = client.post(
        reverse("billing_details"), GIVEN | {"vat_id": "de 136 695 976", "reference": "PO-7"}
    )
    assert answer.status_code == 302
    invoice = close.close_period(business=business, month=date(2026, 5, 1))
    assert invoice is not None
    given = {**GIVEN, "vat_id": "DE136695976", "reference": "PO-7"}
    assert {name: value for name, value in invoice.buyer.items() if value} == {
        **given,
        "language": "en",
        "einvoice_format": "ubl",
    }


@pytest.mark.parametrize("wrong", ["DE136695970", "IE6388047V", "136695976", "yes"])
def test_a_wrong_vat_id_is_refused_and_nothing_is_kept(client: Client, wrong: str) -> None:
    answer = client.post(reverse("billing_details"), GIVEN | {"vat_id": wrong})
    assert answer.status_code == 422
    assert f"{wrong} is not a valid VAT id of DE." in answer.content.decode()
    with system("test"):
        assert not BillingDetails.objects.exists()


@pytest.mark.parametrize(
    ("number", "country", "plain"),
    [
        ("29 AAGCB7383J1Z4", "IN", "29AAGCB7383J1Z4"),
        ("12-3456789", "US", "123456789"),
        ("GB 980 7806 84", "GB", "GB980780684"),
        ("EL 094259216", "GR", "EL094259216"),
    ],
)
def test_ids_of_any_country_are_known(number: str, country: str, plain: str) -> None:
    validate_vat_id(number)
    check_vat_id(number, country)
    assert normalize_vat_id(number) == plain


def test_a_wrong_id_outside_the_eu_is_refused_where_its_digits_are_known() -> None:
    with pytest.raises(ValidationError):
        check_vat_id("29AAGCB7383J1Z5", "IN")


def test_an_indian_id_does_not_keep_the_month_from_closing(business: Business) -> None:
    with system("test"):
        BillingDetails.objects.create(
            business=business, name="Chai", country="IN", vat_id="29AAGCB7383J1Z4"
        )
    invoice = close.close_period(business=business, month=date(2026, 5, 1))
    assert invoice is not None
    assert invoice.buyer["vat_id"] == "29AAGCB7383J1Z4"


def test_the_draft_is_this_month_so_far_and_leaves_nothing(
    client: Client, business: Business
) -> None:
    make_deliveries(business, make_number(business), 3, at=datetime(2026, 6, 10, 12, tzinfo=UTC))
    meter.meter_due()
    page = client.get(reverse("invoice_draft"))
    # Fee 49.00 and three utility messages to North America at 0.0091, rounded to 0.03.
    assert page.context["preview"].invoice.subtotal_minor == 4903
    assert [line.amount_minor for line in page.context["preview"].lines] == [4900, 3]
    with system("test"):
        assert not Invoice.objects.exists()
        assert not Period.objects.filter(business=business, state="closed").exists()


def test_a_month_that_costs_nothing_says_so() -> None:
    client = as_member(make_business(plan_id="free"), "owner")
    assert (
        "This month costs nothing so far" in client.get(reverse("invoice_draft")).content.decode()
    )


def test_mails_are_listed_for_their_business_only(client: Client, business: Business) -> None:
    assert "No e-mails yet" in client.get(reverse("billing_details")).content.decode()
    with system("test"):
        for owner, kind, subject in (
            (business, "invoice_issued", "Invoice ours"),
            (business, "invitation", "Join us"),
            (make_business(), "invoice_issued", "Invoice theirs"),
        ):
            Email.objects.create(
                business=owner,
                share=owner.pk,
                kind=kind,
                key=subject,
                recipient="x@example.com",
                subject=subject,
            )
    page = client.get(reverse("billing_details")).content.decode()
    assert "Invoice ours" in page
    assert "Invoice theirs" not in page
    assert "Join us" not in page


def test_without_a_key_the_page_asks_no_card_and_names_no_setting(client: Client, settings) -> None:  # type: ignore[no-untyped-def]
    settings.STRIPE_API_KEY = ""
    page = client.get(reverse("billing_details"))
    assert "invoices are paid by bank transfer" in page.content.decode()
    assert "STRIPE_API_KEY" not in page.content.decode()
    assert "auto_collect" not in page.context["form"].fields


COMPLETE = {
    **GIVEN,
    "vat_id": "DE136695976",
    "reference": "04011000-12345-34",
    "endpoint_scheme": "0204",
    "endpoint_id": "04011000-12345-34",
}


@pytest.mark.parametrize(
    ("chosen", "lacking", "words"),
    [
        ("xrechnung", "reference", "your reference"),
        ("xrechnung", "city", "your city"),
        ("xrechnung", "postcode", "your postcode"),
        ("peppol", "endpoint_scheme endpoint_id", "your electronic address"),
    ],
)
def test_a_format_is_refused_while_something_is_missing_for_it(
    client: Client, chosen: str, lacking: str, words: str
) -> None:
    given = {name: value for name, value in COMPLETE.items() if name not in lacking.split()}
    answer = client.post(reverse("billing_details"), given | {"einvoice_format": chosen})
    assert answer.status_code == 422
    assert words in answer.context["form"].errors["einvoice_format"][0]
    with system("test"):
        assert not BillingDetails.objects.exists()
    answer = client.post(reverse("billing_details"), COMPLETE | {"einvoice_format": chosen})
    assert answer.status_code == 302
    page = client.get(reverse("billing_details")).content.decode()
    assert "This e-invoice cannot be made yet" in page
    assert "the seller&#x27;s electronic address" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint_scheme": "0088", "endpoint_id": "7300010000002"},
        {"endpoint_scheme": "0192", "endpoint_id": "123456789"},
        {"endpoint_scheme": "", "endpoint_id": "7300010000001"},
        {"endpoint_scheme": "0088", "endpoint_id": ""},
        {"endpoint_scheme": "9999", "endpoint_id": "1"},
    ],
)
def test_a_wrong_electronic_address_is_refused(client: Client, wrong: dict[str, str]) -> None:
    assert client.post(reverse("billing_details"), COMPLETE | wrong).status_code == 422
    with system("test"):
        assert not BillingDetails.objects.exists()
    right = {"endpoint_scheme": "0088", "endpoint_id": "7300010000001"}
    assert client.post(reverse("billing_details"), COMPLETE | right).status_code == 302
