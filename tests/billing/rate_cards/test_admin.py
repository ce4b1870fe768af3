"""Rate cards in the admin: uploaded, compared, scheduled, exported; broken files say where, and
nothing is kept.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, User
from billing.admin.rate_cards import _month_before
from billing.invoices.close import next_month
from billing.metering import meter
from billing.models import CardVersion, RateCard
from billing.rate_cards import csv_export, versions
from core.tenancy import system
from tests.factories import make_business, make_deliveries, make_number

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent / "data"
OWN = "market,category,first,last,price\nOther,utility,1,,0.02\nOther,marketing,1,,0.03\n"


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


@pytest.fixture
def card() -> RateCard:
    with system("test"):
        return RateCard.objects.get(name="Parley standard")


def _upload(
    operator: Client, card: RateCard, rates: str | bytes, tiers: str = "", **data: Any
) -> Any:
    body = rates if isinstance(rates, bytes) else rates.encode()
    files = {"rates": SimpleUploadedFile("rates.csv", body)}
    if tiers:
        files["tiers"] = SimpleUploadedFile("tiers.csv", tiers.encode())
    fields = {
        "valid_from": _next().isoformat(),
        "free_entry_hours": 72,
        "free_messages": 0,
        **files,
        **data,
    }
    return operator.post(reverse("admin:billing_ratecard_upload", args=[card.pk]), fields)


def _next() -> date:
    return next_month(timezone.now().date())


def _drafts() -> list[CardVersion]:
    with system("test"):
        return list(CardVersion.objects.filter(state="draft"))


def test_a_file_in_our_layout_becomes_a_draft_is_compared_and_scheduled(
    operator: Client, card: RateCard
) -> None:
    with system("test"):
        sheet = versions.sheet_of(versions.version_on(card, _next()))  # type: ignore[arg-type]
    key = next(key for key in sorted(sheet.rates) if key[1] == "utility")
    assert operator.get(reverse("admin:billing_ratecard_upload", args=[card.pk])).status_code == 200
    changed = csv_export.write_own(sheet).replace(f"{key[0]},utility,1,", f"{key[0]},utility,1,", 1)
    answer = _upload(operator, card, changed, free_messages=7)
    (draft,) = _drafts()
    assert (answer.status_code, draft.free_messages) == (302, 7)
    assert answer["Location"] == reverse("admin:billing_cardversion_compare", args=[draft.pk])
    assert "The prices are the same." in operator.get(answer["Location"]).content.decode()
    url = reverse("admin:billing_cardversion_schedule", args=[draft.pk])
    assert operator.get(url).status_code == 200
    assert operator.post(url, {"sent": 1}).status_code == 302
    refused = operator.post(url, {"sent": 1})
    assert (refused.status_code, "Only a draft can be scheduled." in refused.content.decode()) == (
        400,
        True,
    )
    assert (
        "Scheduled"
        in operator.get(reverse("admin:billing_cardversion_changelist")).content.decode()
    )
    page = reverse("admin:billing_cardversion_change", args=[draft.pk])
    assert operator.post(page, {"valid_from": "2030-01-01"}).status_code == 403
    assert (
        operator.get(reverse("admin:billing_cardversion_compare", args=[draft.pk])).status_code
        == 200
    )
    with system("test"):
        names = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert names == ["cardversion.uploaded", "cardversion.scheduled"]


def test_the_comparison_shows_what_last_month_would_have_cost(
    operator: Client, card: RateCard
) -> None:
    business, month = make_business("Bakery & Sons"), _month_before(timezone.now().date())
    noon = datetime(month.year, month.month, 10, 12, tzinfo=UTC)
    make_deliveries(business, make_number(business), 100, at=noon)
    meter.meter_due()
    _upload(operator, card, OWN + "North America,utility,1,,0.02\n")
    (draft,) = _drafts()
    page = operator.get(
        reverse("admin:billing_cardversion_compare", args=[draft.pk])
    ).content.decode()
    assert f"{month:%Y-%m} under it: $2.00 instead of $0.91" in page
    assert "Bakery &amp; Sons" in page
    assert "from 1 0.02" in page


def test_both_sheets_of_meta_are_read_together_and_written_again(
    operator: Client, card: RateCard
) -> None:
    with system("test"):
        RateCard.objects.filter(pk=card.pk).update(floor_micros=0, ceiling_micros=10**6)
    rates, tiers = ((DATA / name).read_text() for name in ("USD_rates.csv", "USD_volume_tiers.csv"))
    answer = _upload(operator, card, rates, tiers)
    assert answer.status_code == 302, answer.content.decode()
    (draft,) = _drafts()
    with system("test"):
        sheet = versions.sheet_of(draft)
    for name, write in (
        ("own", csv_export.write_own),
        ("rates", csv_export.write_rates),
        ("tiers", csv_export.write_tiers),
    ):
        got = operator.get(reverse(f"admin:billing_cardversion_{name}", args=[draft.pk]))
        assert (got.status_code, got.content.decode()) == (200, write(sheet))
        assert "attachment" in got["Content-Disposition"]


@pytest.mark.parametrize(
    ("rates", "data", "words"),
    [
        (
            OWN.replace("0.03", "dear"),
            {},
            ['<td class="p-3">3</td>', '<td class="p-3">5</td>', "is not a price"],
        ),
        ("nothing\n", {}, ["No header row of a known layout"]),
        (b"\xff\xfe\x00", {}, ["not text in UTF-8"]),
        (OWN, {"valid_from": "2030-01-02"}, ["begins on the first day"]),
        (OWN.replace("0.02", "9.02"), {}, ["outside the card&#x27;s floor"]),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    operator: Client, card: RateCard, rates: str | bytes, data: dict[str, str], words: list[str]
) -> None:
    answer = _upload(operator, card, rates, **data)
    page = answer.content.decode()
    assert (answer.status_code, [word for word in words if word not in page]) == (400, [])
    assert _drafts() == []
    with system("test"):
        assert not AuditEntry.objects.exists()


def test_a_card_without_a_version_in_force_is_compared_with_nothing(
    operator: Client, card: RateCard
) -> None:
    with system("test"):
        new = RateCard.objects.create(name="Private", floor_micros=1, ceiling_micros=90_000)
    assert _upload(operator, new, OWN).status_code == 302
    (draft,) = _drafts()
    page = operator.get(
        reverse("admin:billing_cardversion_compare", args=[draft.pk])
    ).content.decode()
    assert "2 changes to nothing" in page
    assert "No business that follows the card was charged." in page


def test_files_of_a_refused_upload_are_kept_and_all_their_errors_named(
    operator: Client, card: RateCard, redis: Any
) -> None:
    head = "Market,Currency,Marketing,Utility,Authentication\n"
    sheet = f"{head}Other,USD,x,0.02,y\nIndia,EUR,0.03,z,0.01\n"
    tiers = "Market,Currency,From,To\n"
    refused = _upload(operator, card, sheet, tiers)
    said = refused.content.decode()
    assert refused.status_code == 400
    # Every wrong cell of both rows, not only the first.
    assert [one in said for one in ("&#x27;x&#x27;", "&#x27;y&#x27;", "&#x27;z&#x27;", "EUR")] == [
        True
    ] * 4
    assert "rates.csv is kept" in said
    assert "tiers.csv is kept" in said
    kept = refused.context["form"].data["kept"]
    address = reverse("admin:billing_ratecard_upload", args=[card.pk])
    fields = {"valid_from": _next().isoformat(), "free_entry_hours": 72, "free_messages": 0}
    # Another rate file, with the kept tiers.
    again = operator.post(
        address, {**fields, "kept": kept, "rates": SimpleUploadedFile("own.csv", OWN.encode())}
    )
    assert (again.status_code, len(_drafts())) == (302, 1)
    # The kept files alone are read again, and refused again; strangers' keys keep nothing.
    assert "&#x27;x&#x27;" in operator.post(address, {**fields, "kept": kept}).content.decode()
    nothing = operator.post(address, {**fields, "kept": "0" * 32})
    assert "This field is required." in nothing.content.decode()
    assert len(_drafts()) == 1


def test_a_version_has_one_word_and_only_a_draft_can_be_scheduled(
    operator: Client, card: RateCard
) -> None:
    with system("test"):
        held = versions.version_on(card, _next())
    assert held
    of_card = operator.get(reverse("admin:billing_ratecard_change", args=[card.pk]))
    listed = operator.get(reverse("admin:billing_cardversion_changelist"))
    for page in (of_card, listed):
        assert "In force" in page.content.decode()
    button = reverse("admin:billing_cardversion_schedule", args=[held.pk])
    page = operator.get(reverse("admin:billing_cardversion_change", args=[held.pk]))
    assert button not in page.content.decode()
    assert reverse("admin:billing_cardversion_compare", args=[held.pk]) in page.content.decode()
