"""STOP ends marketing and START resumes it, in the business's own words; members can say it too."""

import pytest
from django.test import Client
from django.urls import reverse

from core.tenancy import scope, system
from hosting.inbound import events
from hosting.models import Contact, Number, OptOutWords, SimulatedPhone
from hosting.transports import sandbox
from tests.factories import make_business, make_client, make_number


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business())


@pytest.fixture
def client(number: Number) -> Client:
    return make_client(number.business, "agent")


def write(number: Number, *texts: str) -> None:
    with system("test"):
        phone, _ = SimulatedPhone.objects.get_or_create(
            business=number.business, wa_id="14155550100", name="Zoe"
        )
    phone.business = number.business
    for text in texts:
        sandbox.write(simulated_phone=phone, number=number, text=text)
    while events.apply_due():
        pass


def opted_out(number: Number) -> bool:
    with scope(number.business_id):
        return Contact.objects.get(wa_id="14155550100").opted_out_at is not None


@pytest.mark.parametrize("text", ["STOP", "stop.", " Stopp! ", "Abmelden", "“unsubscribe”"])
def test_a_message_that_is_nothing_but_the_word_ends_marketing(number: Number, text: str) -> None:
    write(number, text)
    assert opted_out(number)


@pytest.mark.parametrize("text", ["Please don't stop", "stop it now", "Hi", "start"])
def test_other_messages_do_not(number: Number, text: str) -> None:
    write(number, text)
    assert not opted_out(number)


def test_the_newest_word_counts(number: Number) -> None:
    write(number, "STOP")
    write(number, "Start")
    assert not opted_out(number)


def test_a_business_has_words_of_its_own(number: Number, client: Client) -> None:
    assert (
        client.post(reverse("opt_outs"), {"stop": "Basta\n", "start": "basta"}).status_code == 422
    )
    assert client.post(reverse("opt_outs"), {"stop": "", "start": ""}).status_code == 422
    with system("test"):
        assert not OptOutWords.objects.exists()
    assert (
        client.post(reverse("opt_outs"), {"stop": "Basta\nno más", "start": "Ancora"}).status_code
        == 302
    )
    write(number, "stop")
    assert not opted_out(number)
    write(number, "No  MÁS!")
    assert opted_out(number)
    assert "Zoe" in client.get(reverse("opt_outs")).content.decode()


def test_a_member_says_it_on_the_customers_page(number: Number, client: Client) -> None:
    write(number, "Hi")
    with scope(number.business_id):
        contact = Contact.objects.get()
    client.post(reverse("contact_marketing", args=[contact.pk]), {"wanted": "0"})
    assert opted_out(number)
    client.post(reverse("contact_marketing", args=[contact.pk]), {"wanted": "1"})
    assert not opted_out(number)
