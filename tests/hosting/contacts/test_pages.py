"""The customers' pages: list, name, merge, block, hold, data, forgetting; and how long messages
are kept.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.dashboard.panels import attention_for
from accounts.models import AuditEntry
from core.tenancy import scope, system
from hosting.models import Block, Contact, Erasure, Message, Number, Retention
from hosting.privacy import erasure
from tests.factories import make_business, make_number
from tests.hosting.search.test_engine import say
from tests.hosting.search.test_page import reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def number() -> Number:
    return make_number(make_business())


@pytest.fixture
def ann(number: Number) -> Contact:
    say(number, "hello", to="491511111111")
    with system("test"):
        Contact.objects.update(name="Ann Müller")
        return Contact.objects.get()


@pytest.fixture
def owner(number: Number) -> Client:
    return reader(number.business, "owner")


def test_customers_are_listed_by_pages_and_found(
    number: Number, ann: Contact, owner: Client
) -> None:
    for n in range(60):
        say(number, "x", to=f"4915200000{n:02}")
    first = owner.get("/contacts/")
    assert len(first.context["rows"]) == 50
    rest = owner.get(f"/contacts/?before={first.context['older']}")
    assert [len(rest.context["rows"]), rest.context["older"]] == [11, 0]
    for words in ("müller", "+49 1511", "ann"):
        assert [row.pk for row in owner.get("/contacts/", {"q": words}).context["rows"]] == [ann.pk]
    assert "Nobody is called that" in owner.get("/contacts/?q=zz").content.decode()


def test_a_name_of_ones_own_is_shown_and_found_everywhere(ann: Contact, owner: Client) -> None:
    owner.post(f"/contacts/{ann.pk}/", {"alias": "Bakery Ann"})
    assert "<h1>Bakery Ann</h1>" in owner.get(f"/contacts/{ann.pk}/").content.decode()
    assert "Bakery Ann" in owner.get("/inbox/?q=bakery").content.decode()
    with system("test"):
        assert Contact.objects.get().name == "Ann Müller"


def test_two_customers_become_one(number: Number, ann: Contact, owner: Client) -> None:
    say(number, "again", to="491512222222")
    other = make_number(make_business("Other"))
    say(other, "x", to="491513333333")
    for wrong in ("+49 151 3333333", "", "491511111111"):
        assert (
            owner.post(f"/contacts/{ann.pk}/merge/", {"into": wrong})["Location"]
            == f"/contacts/{ann.pk}/"
        )
    with system("test"):
        assert Contact.objects.filter(business=number.business).count() == 2
        kept = Contact.objects.get(wa_id="491512222222")
    response = owner.post(f"/contacts/{ann.pk}/merge/", {"into": "+49 1512 222222"})
    assert response["Location"] == f"/contacts/{kept.pk}/"
    with system("test"):
        assert set(Message.objects.filter(contact=kept).values_list("text", flat=True)) == {
            "hello",
            "again",
        }
        assert AuditEntry.objects.get().subject == f"contact {ann.pk} into {kept.pk}"
    assert "491511111111" in owner.get(f"/contacts/{kept.pk}/").content.decode().replace(
        " ", ""
    ).replace("+", "")


def test_a_customer_is_blocked_and_let_again(number: Number, ann: Contact, owner: Client) -> None:
    for blocked, count in (("1", 1), ("1", 1), ("0", 0)):
        owner.post(
            f"/contacts/{ann.pk}/block/", {"number": number.phone_number_id, "blocked": blocked}
        )
        with system("test"):
            assert Block.objects.filter(number=number, wa_id=ann.wa_id).count() == count
    foreign = make_number(make_business("Other")).phone_number_id
    assert (
        owner.post(f"/contacts/{ann.pk}/block/", {"number": foreign, "blocked": "1"}).status_code
        == 404
    )


def test_forgetting_needs_the_box_ticked_and_no_hold(
    ann: Contact, owner: Client, tmp_path: Path, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    owner.post(f"/contacts/{ann.pk}/erase/")
    owner.post(f"/contacts/{ann.pk}/hold/", {"held": "1"})
    assert (
        "nothing of this customer is deleted" in owner.get(f"/contacts/{ann.pk}/").content.decode()
    )
    assert owner.post(f"/contacts/{ann.pk}/erase/", {"sure": "1"}).status_code == 409
    with system("test"):
        assert not Erasure.objects.exists()
    owner.post(f"/contacts/{ann.pk}/hold/", {"held": "0"})
    assert owner.post(f"/contacts/{ann.pk}/erase/", {"sure": "1"})["Location"] == "/contacts/"
    assert "being forgotten" in owner.get(f"/contacts/{ann.pk}/").content.decode()
    assert erasure.erase_due() == 1
    assert owner.get(f"/contacts/{ann.pk}/").status_code == 404
    with system("test"):
        assert [a.action for a in AuditEntry.objects.order_by("id")] == [
            "hold.set",
            "hold.lifted",
            "contact.erasure_requested",
            "contact.erased",
        ]


def test_an_agent_neither_forgets_nor_takes_data_along(number: Number, ann: Contact) -> None:
    agent = reader(number.business, "agent")
    assert "Their data" not in agent.get(f"/contacts/{ann.pk}/").content.decode()
    assert agent.get(f"/contacts/{ann.pk}/data/").status_code == 403
    assert agent.post(f"/contacts/{ann.pk}/erase/", {"sure": "1"}).status_code == 403


def test_how_long_a_number_keeps_messages_is_set_on_its_page(number: Number, owner: Client) -> None:
    path = f"/retention/{number.phone_number_id}/"
    for wrong in ("0", "-1", "x", "9999", "٣"):
        owner.post(path, {"days": wrong})
    with system("test"):
        assert Number.objects.get().days_kept is None
    owner.post(path, {"days": "90", "held": "1"})
    with system("test"):
        kept = Number.objects.get()
        assert (kept.days_kept, kept.held_at is not None) == (90, True)
        Retention.objects.create(
            business=number.business,
            number=number,
            days=400,
            next_days=90,
            announced_at=timezone.now(),
            starts_at=timezone.now() + timedelta(days=14),
            last_run_at=timezone.now(),
            last_messages=7,
            messages=77,
        )
        assert [a.action for a in AuditEntry.objects.order_by("id")] == [
            "number.days_kept",
            "hold.set",
        ]
    page = owner.get("/retention/").content.decode()
    assert "90 days from" in page
    assert "7 messages, 77 in all" in page
    with scope(number.business_id):
        assert any(
            "older than 90 days" in item.text for item in attention_for(number.business, "owner")
        )
    owner.post(path, {"days": ""})
    with system("test"):
        assert (Number.objects.get().days_kept, Number.objects.get().held_at) == (None, None)
