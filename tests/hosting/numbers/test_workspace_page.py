"""The business's own page: name and time zone, numbers and their profiles, and forgetting
everybody.
"""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Business, Plan
from billing.metering import meter
from billing.models import Charge
from core.tenancy import scope, system
from hosting.models import (
    Contact,
    Conversation,
    Erasure,
    FormerNumber,
    Message,
    Number,
    SimulatedPhone,
)
from hosting.numbers import onboarding
from hosting.privacy import erasure
from tests.factories import make_business, make_deliveries, make_member, make_number

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)


@pytest.fixture
def number(settings: Any, tmp_path: Any) -> Number:
    settings.MEDIA_ROOT = str(tmp_path)
    return make_number(make_business("Luma", clock_at=NOON))


@pytest.fixture
def owner(client: Client, number: Number) -> Client:
    client.force_login(make_member(number.business))
    return client


def rows(model: Any, **which: Any) -> list[Any]:
    with system("test"):
        return list(model.objects.filter(**which).order_by("pk"))


def test_name_and_time_zone_are_changed_on_record(owner: Client, number: Number) -> None:
    assert (
        owner.post(reverse("business"), {"name": "Luma & Co", "timezone": "Asia/Tokyo"}).status_code
        == 302
    )
    found = rows(Business)[0]
    assert (found.name, found.timezone) == ("Luma & Co", "Asia/Tokyo")
    entry = rows(AuditEntry)[0]
    assert (entry.action, entry.before, entry.after) == (
        "business.changed",
        {"name": "Luma", "timezone": "UTC"},
        {"name": "Luma & Co", "timezone": "Asia/Tokyo"},
    )
    owner.post(reverse("business"), {"name": "Luma & Co", "timezone": "Asia/Tokyo"})
    assert len(rows(AuditEntry)) == 1, "nothing was changed the second time"
    for wrong in (
        {"name": "", "timezone": "UTC"},
        {"name": "x", "timezone": "Mars/Base"},
        {"name": "x" * 121},
    ):
        response = owner.post(reverse("business"), wrong)
        assert (response.status_code, bool(response.context["form"].errors)) == (400, True)
        assert rows(Business)[0].name == "Luma & Co"


def test_a_sandbox_number_is_added_within_the_plan(owner: Client, number: Number) -> None:
    with system("test"):
        Business.objects.update(plan_id="team")
        Plan.objects.filter(pk="team").update(max_numbers=2)
    response = owner.post(reverse("add_number"))
    added = rows(Number)[-1]
    assert response.headers["Location"] == reverse("number", args=[added.phone_number_id])
    assert (added.account_id, added.transport, added.digits[:4], len(added.digits)) == (
        number.account_id,
        "sandbox",
        "1555",
        11,
    )
    refused = owner.post(reverse("add_number"), follow=True).content.decode()
    assert "The Team plan has 2 numbers, and all are taken." in refused
    assert len(rows(Number)) == 2
    assert [entry.action for entry in rows(AuditEntry)] == ["number.added"]


def test_a_business_without_an_account_gets_one_with_its_number() -> None:
    business = make_business()
    with scope(business.pk):
        assert onboarding.add_number(business).account.name == business.name


def test_a_profile_is_set_and_what_is_wrong_is_named(owner: Client, number: Number) -> None:
    url = reverse("number", args=[number.phone_number_id])
    given = {
        "about": "Bread since 1911",
        "email": "a@example.com",
        "website": "https://luma.example",
        "vertical": "RESTAURANT",
    }
    assert owner.post(url, given).status_code == 302
    profile = rows(Number)[0].profile
    assert (profile["about"], profile["websites"], profile["vertical"]) == (
        "Bread since 1911",
        ["https://luma.example"],
        "RESTAURANT",
    )
    assert 'value="https://luma.example"' in owner.get(url).content.decode()
    for name, value in (
        ("about", ""),
        ("about", "x" * 140),
        ("email", "nobody"),
        ("vertical", "BAKER"),
        ("website", "x"),
    ):
        response = owner.post(url, given | {name: value})
        assert response.status_code == 400
        assert response.context["form"].errors.keys() == {name}
    assert rows(Number)[0].profile == profile


def test_everybody_is_forgotten_but_who_is_on_hold_and_charges_stay(
    owner: Client, number: Number
) -> None:
    business = number.business
    for to in ("14155550101", "14155550102", "14155550103"):
        make_deliveries(business, number, 2, to=to, at=NOON)
    meter.meter_due()
    with system("test"):
        kept, moved = (
            Contact.objects.get(wa_id="14155550103"),
            Contact.objects.get(wa_id="14155550102"),
        )
        Contact.objects.filter(pk=kept.pk).update(held_at=NOON)
        FormerNumber.objects.create(
            business=business, contact=moved, wa_id="14155550999", changed_at=NOON
        )
    charged = [(row.message_id, row.price_micros) for row in rows(Charge)]
    assert len(charged) == 6

    refused = owner.post(
        reverse("forget_everybody"), {"name": "luma"}, follow=True
    ).content.decode()
    assert "Nothing was deleted." in refused
    assert not rows(Erasure)

    said = owner.post(reverse("forget_everybody"), {"name": "Luma"}, follow=True).content.decode()
    assert "2 customers are being forgotten." in said
    assert "1 is kept by a legal hold." in said
    assert "Customers are being forgotten: 0 of 2." in " ".join(said.split())
    assert [len(row.digests) for row in rows(Erasure)] == [1, 2], "by their former numbers too"
    owner.post(reverse("forget_everybody"), {"name": "Luma"})
    assert len(rows(Erasure)) == 2, "asked twice it is one request"

    assert erasure.erase_due(1) == 1
    progress = owner.get(reverse("business"), headers={"HX-Request": "true"}).content.decode()
    assert "Customers are being forgotten: 1 of 2." in " ".join(progress.split())
    assert erasure.erase_due() == 1
    assert [row.wa_id for row in rows(Contact)] == ["14155550103"]
    assert {row.contact_id for row in rows(Conversation)} == {kept.pk}
    assert len(rows(Message)) == 2
    assert [(row.message_id, row.price_micros) for row in rows(Charge)] == charged
    ended = owner.get(reverse("business"), headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" not in ended
    assert "1 customer with all messages and files" in " ".join(ended.split())


def test_it_stays_within_the_business(number: Number) -> None:
    other = make_number(make_business("Other"))
    make_deliveries(other.business, other, 1)
    with scope(number.business_id):
        assert erasure.request_all_erasures(business=number.business) == (0, 0)
    assert len(rows(Contact)) == 1
    assert not rows(Erasure)


def test_conversations_with_test_phones_are_removed_and_no_others(
    owner: Client, number: Number
) -> None:
    business = number.business
    with system("test"):
        for digits in ("14155550101", "14155550102"):
            SimulatedPhone.objects.create(business=business, wa_id=digits, name="Ann")
        Number.objects.filter(pk=number.pk).update(is_test=True)
    live = make_number(business, digits="4930123456", is_test=False)
    make_deliveries(business, number, 1, to="14155550101", at=NOON)
    # A test phone that has to do with a live number, and somebody who is no test phone.
    make_deliveries(business, live, 1, to="14155550102", at=NOON)
    make_deliveries(business, number, 1, to="14155550103", at=NOON)
    page = owner.get(reverse("business")).content.decode()
    assert "Remove 1 test conversation" in page
    said = owner.post(reverse("erase_test_data"), follow=True).content.decode()
    assert "1 test conversation is being removed." in said
    owner.post(reverse("erase_test_data"))
    assert erasure.erase_due() == 1
    assert {row.wa_id for row in rows(Contact)} == {"14155550102", "14155550103"}
    owner.get(reverse("business"))
    assert "test conversation" not in owner.get(reverse("business")).content.decode()
