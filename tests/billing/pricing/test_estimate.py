"""The estimate before sending equals the charges after delivery."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Business
from billing.metering import meter
from billing.models import Charge, SpendCap
from billing.pricing import estimate, quote
from core.tenancy import scope, system
from hosting.broadcasts import drafts
from hosting.models import Contact, Conversation, Message, Template
from tests.factories import make_business, make_deliveries, make_member, make_number, make_template

NOW = datetime(2026, 5, 16, tzinfo=UTC)
US, INDIA, ELSEWHERE = "14155550", "91982001", "99912345"


@pytest.fixture
def business(db: None) -> Business:
    return make_business(timezone="UTC", clock_at=NOW)


def get_estimate(
    business: Business, counts: dict[str, int], category: str = "utility"
) -> estimate.Estimate:
    with scope(business.pk):
        return estimate.estimate(business, category=category, counts=counts)


def test_it_begins_at_the_place_on_the_ladder_and_splits_at_the_tiers_edge(
    business: Business,
) -> None:
    make_deliveries(business, make_number(business), 998, at=NOW)
    meter.meter_due()
    found = get_estimate(business, {US: 5, "16465550": 2, INDIA: 1})
    # Two more at $0.0091 end the tier of 1,000; five at $0.0082 follow.
    assert [(s.market, s.tier_first, s.price_micros, s.messages) for s in found.steps] == [
        ("North America", 1, 9_100, 2),
        ("North America", 1_001, 8_200, 5),
        ("India", 1, found.steps[2].price_micros, 1),
    ]
    assert found.total_micros == 2 * 9_100 + 5 * 8_200 + (found.steps[2].price_micros or 0)
    assert (found.messages, found.unpriced) == (8, 0)


@pytest.mark.parametrize("category", ["utility", "marketing", "authentication", "service"])
def test_the_estimate_is_what_the_ledger_says_afterwards(business: Business, category: str) -> None:
    number = make_number(business)
    counts = {US: 1003, INDIA: 2, ELSEWHERE: 1}
    expected = get_estimate(business, counts, category)
    for prefix, count in counts.items():
        make_deliveries(business, number, count, to=f"{prefix}999", category=category, at=NOW)
    while meter.meter_due():
        pass
    with system("test"):
        charged = sum(Charge.objects.values_list("price_micros", flat=True))
        assert Charge.objects.count() == 1006
    assert expected.total_micros == charged
    assert {step.category for step in expected.steps} == set(_categories())


def _categories() -> set[str]:
    with system("test"):
        return set(Charge.objects.values_list("category", flat=True))


def test_the_cap_says_what_is_left(business: Business) -> None:
    assert get_estimate(business, {US: 1}).left_micros is None
    with system("test"):
        SpendCap.objects.create(business=business, limit_micros=20_000)
    assert not get_estimate(business, {US: 2}).exceeds_cap
    over = get_estimate(business, {US: 3})
    assert (over.exceeds_cap, over.left_micros, over.total_micros) == (True, 20_000, 27_300)


def test_a_month_without_any_tally_begins_at_one(business: Business) -> None:
    assert [step.positions for step in get_estimate(business, {US: 1}).steps] == [0]
    assert get_estimate(business, {}).steps == []
    assert date(2026, 5, 1) <= NOW.date()


def test_the_page_prices_a_file_and_keeps_nothing(business: Business) -> None:
    template = make_template(make_number(business))
    client = Client()
    client.force_login(
        make_member(business, "finance"), backend="django.contrib.auth.backends.ModelBackend"
    )
    file = SimpleUploadedFile(
        "list.csv", b"phone;name\n+1 415 555 0100;Ann\n14155550101;Bo\n14155550101;Bo\n12;x\n"
    )
    page = client.post(reverse("estimate"), {"what": template.template_id, "file": file})
    assert page.status_code == 200
    shown = page.context["forecast"]["estimate"]
    assert (shown.messages, shown.total_micros, shown.category) == (2, 18_200, "utility")
    assert (page.context["found"].duplicates, page.context["found"].invalid_count) == (1, 1)
    assert "$0.0182" in page.content.decode()
    with system("test"):
        assert Message.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "list"),
        ({"list": "nobody"}, "list"),
        ({"list": "+1 415 555 0100", "what": "9"}, "what"),
    ],
)
def test_the_page_says_what_is_wrong_with_a_list(
    business: Business, given: dict[str, str], field: str
) -> None:
    client = Client()
    client.force_login(
        make_member(business, "finance"), backend="django.contrib.auth.backends.ModelBackend"
    )
    page = client.post(reverse("estimate"), {"what": "utility"} | given)
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert "forecast" not in page.context


def test_a_draft_shows_its_price_before_it_is_sent(business: Business) -> None:
    number = make_number(business)
    template = make_template(number)
    with system("test"):
        SpendCap.objects.create(business=business, limit_micros=9_000)
    with scope(business.pk):
        template = Template.objects.get(pk=template.pk)
        draft = drafts.create_draft(
            business=business,
            author=None,
            name="x",
            number=number,
            template=template,
            text="14155550100,1\n14155550101,2",
        )
    client = Client()
    client.force_login(
        make_member(business, "agent"), backend="django.contrib.auth.backends.ModelBackend"
    )
    page = client.get(reverse("broadcast", args=[draft.public_id])).content.decode()
    assert "$0.0091" in page
    assert "This may cost more than the spend cap leaves: $0.01 of $0.01" in page


@pytest.mark.parametrize(
    ("wa_id", "written", "entered", "expected"),
    [
        ("14155550100", None, None, {"utility": "$0.0091", "marketing": "$0.025"}),
        ("14155550100", NOW, None, {"utility": "$0.0091", "marketing": "$0.025"}),
        ("14155550100", NOW, NOW - timedelta(hours=71), {"utility": "Free", "marketing": "Free"}),
        (
            "14155550100",
            NOW,
            NOW - timedelta(hours=72),
            {"utility": "$0.0091", "marketing": "$0.025"},
        ),
    ],
)
def test_the_picker_shows_the_price_before_a_template_is_sent(
    business: Business,
    wa_id: str,
    written: datetime | None,
    entered: datetime | None,
    expected: dict[str, str],
) -> None:
    number = make_number(business)
    template = make_template(number)
    with system("test"):
        contact = Contact.objects.create(business=business, wa_id=wa_id)
        thread = Conversation.objects.create(
            business=business,
            number=number,
            contact=contact,
            last_inbound_at=written,
            free_entry_at=entered,
        )
    with scope(business.pk):
        found = quote.quotes(thread)
    assert {category: found[category].text for category in expected} == expected
    client = Client()
    client.force_login(
        make_member(business, "agent"), backend="django.contrib.auth.backends.ModelBackend"
    )
    page = client.get(
        reverse("inbox_templates", args=[thread.public_id]), {"template": template.pk}
    )
    assert page.context["quote"].text == expected["utility"]
    assert f'<b class="tnum">{expected["utility"]}</b>' in page.content.decode()


def test_the_quote_is_what_the_ledger_says_afterwards(business: Business) -> None:
    number = make_number(business)
    make_deliveries(business, number, 1000, at=NOW)
    meter.meter_due()
    with system("test"):
        contact = Contact.objects.get_or_create(business=business, wa_id="14155550100")[0]
        thread = Conversation.objects.filter(
            contact=contact
        ).first() or Conversation.objects.create(business=business, number=number, contact=contact)
    with scope(business.pk):
        assert quote.quotes(thread)["utility"].text == "$0.0082"
    make_deliveries(business, number, 1, at=NOW)
    meter.meter_due()
    with system("test"):
        assert Charge.objects.latest("id").price_micros == 8_200
