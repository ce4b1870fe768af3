"""What else a customer does on the simulated phone: place, card, reaction, block, and a failure on
purpose.
"""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Business
from core.tenancy import scope, system
from hosting.cloudapi.failures import FAILURES
from hosting.inbound import events
from hosting.messages.send import send_message
from hosting.models import Delivery, Event, Message, Number, SimulatedPhone, SimulatedPhoneBlock
from hosting.transports import sandbox
from tests.factories import make_business, make_client, make_number

pytestmark = pytest.mark.django_db
ASK = {
    "type": "location_request_message",
    "body": {"text": "Where to?"},
    "action": {"name": "send_location"},
}


@pytest.fixture
def number() -> Number:
    return make_number(make_business())


@pytest.fixture
def phone(number: Number) -> SimulatedPhone:
    with system("test"):
        phone = SimulatedPhone.objects.create(
            business=number.business, wa_id="14155550123", name="Zoe"
        )
        sandbox.write(simulated_phone=phone, number=number, text="Hello")
    events.apply_due()
    return phone


@pytest.fixture
def client(number: Number) -> Client:
    return make_client(number.business, "agent")


def say(number: Number, kind: str = "text", content: dict[str, Any] | None = None) -> Message:
    with scope(number.business_id):
        business = Business.objects.select_related("plan").get(pk=number.business_id)
        return send_message(
            business=business,
            number=number,
            to="14155550123",
            kind=kind,
            content=content or {"body": "News"},
        )


def hand_over() -> None:
    sandbox.deliver_due()
    events.apply_due()


def status(message: Message) -> str:
    with system("test"):
        return str(Message.objects.values_list("status", flat=True).get(pk=message.pk))


def came_in(number: Number, kind: str) -> list[tuple[Any, str]]:
    events.apply_due()
    with system("test"):
        found = Message.objects.filter(number=number, direction="in", kind=kind).order_by("id")
        return [
            ({k: v for k, v in row.content.items() if k != "_webhook"}, row.context_wamid)
            for row in found
        ]


def address(name: str, phone: SimulatedPhone, number: Number, *more: int) -> str:
    return reverse(name, args=[phone.pk, number.phone_number_id, *more])


def test_a_place_is_sent_by_itself_or_in_answer_to_a_message(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    asked = say(number, "interactive", ASK)
    hand_over()
    link = f"{address('phone_place', phone, number)}?message={asked.pk}"
    assert f'href="{link}"' in client.get(address("phone_chat", phone, number)).content.decode()
    assert f'name="message" value="{asked.pk}"' in client.get(link).content.decode()
    given = {
        "latitude": "37.483307",
        "longitude": "-122.148981",
        "name": "Pier",
        "address": "1 Hacker Way",
    }
    answer = client.post(address("phone_place", phone, number), given | {"message": asked.pk})
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        address("phone_chat", phone, number),
    )
    assert (
        client.post(
            address("phone_place", phone, number), {"latitude": "0", "longitude": "180"}
        ).status_code
        == 302
    )
    place = {
        "latitude": 37.483307,
        "longitude": -122.148981,
        "name": "Pier",
        "address": "1 Hacker Way",
    }
    assert came_in(number, "location") == [
        (place, asked.wamid),
        ({"latitude": 0, "longitude": 180}, ""),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"latitude": "90.000001", "longitude": "0"}, "less than or equal to 90"),
        ({"latitude": "0", "longitude": "-180.5"}, "greater than or equal to -180"),
        ({"latitude": "NaN", "longitude": "0"}, "Enter a number."),
        ({"latitude": "0", "longitude": "0", "message": "x"}, "Enter a whole number."),
        ({"latitude": "0", "longitude": "0", "name": "n" * 1001}, "at most 1000 characters"),
    ],
)
def test_a_place_off_the_map_is_refused_by_name(
    number: Number, phone: SimulatedPhone, client: Client, given: dict[str, str], said: str
) -> None:
    answer = client.post(address("phone_place", phone, number), given)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert came_in(number, "location") == []


def test_a_contact_card_carries_name_and_number(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    card = {"name": "Max Berger", "wa_id": "+49 151 2345678"}
    assert client.post(address("phone_card", phone, number), card).status_code == 302
    held = {
        "name": {"formatted_name": "Max Berger", "first_name": "Max Berger"},
        "phones": [{"phone": "+491512345678", "wa_id": "491512345678", "type": "CELL"}],
    }
    assert came_in(number, "contacts") == [({"contacts": [held]}, "")]
    shown = client.get(address("phone_chat", phone, number)).content.decode()
    assert "<b>Max Berger</b><small>+491512345678</small>" in shown
    assert (
        client.post(address("phone_card", phone, number), card | {"wa_id": "12"}).status_code == 422
    )
    assert len(came_in(number, "contacts")) == 1


def test_a_reaction_stands_at_its_message_until_it_is_taken_back(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    message = say(number)
    hand_over()
    react = address("phone_react", phone, number, message.pk)
    assert (
        f'formaction="{react}"' in client.get(address("phone_chat", phone, number)).content.decode()
    )
    assert client.post(react, {"emoji": "👍"}).status_code == 302
    assert came_in(number, "reaction") == [
        ({"message_id": message.wamid, "emoji": "👍"}, message.wamid)
    ]
    assert (
        '<div class="reactions"><span>👍</span></div>'
        in client.get(address("phone_chat", phone, number)).content.decode()
    )
    assert client.post(react, {"emoji": ""}).status_code == 302
    assert came_in(number, "reaction")[1] == (
        {"message_id": message.wamid, "emoji": ""},
        message.wamid,
    )
    assert (
        'class="reactions"' not in client.get(address("phone_chat", phone, number)).content.decode()
    )
    assert client.post(react, {"emoji": "not one"}).status_code == 404
    assert (
        client.post(
            address("phone_react", phone, number, message.pk + 999), {"emoji": "👍"}
        ).status_code
        == 404
    )
    assert len(came_in(number, "reaction")) == 2


def test_what_is_sent_while_blocked_never_arrives_also_not_afterwards(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    other = make_number(number.business)
    assert client.post(address("phone_block", phone, number), {"blocked": "1"}).status_code == 302
    assert (
        client.post(address("phone_block", phone, number), {"blocked": "1"}).status_code == 302
    ), "twice is as once"
    lost = say(number)
    with scope(number.business_id):
        sandbox.write(simulated_phone=phone, number=other, text="Hello there")
    events.apply_due()
    elsewhere = say(other)
    hand_over()
    assert (status(lost), status(elsewhere)) == ("sent", "delivered")
    chat = client.get(address("phone_chat", phone, number)).content.decode()
    assert "You blocked this business" in chat
    assert 'name="text"' not in chat
    for name, given in (("write", {"text": "x"}), ("card", {"name": "M", "wa_id": "491512345678"})):
        assert client.post(address(f"phone_{name}", phone, number), given).status_code == 302
    assert (len(came_in(number, "text")), came_in(number, "contacts")) == (1, []), (
        "nothing leaves it either"
    )
    turn_off_and_on(client, phone)
    assert status(lost) == "sent", "switched on, it is still blocked"
    assert client.post(address("phone_block", phone, number), {"blocked": "0"}).status_code == 302
    client.post(reverse("phone_switch", args=[phone.pk]), {"online": "0"})
    waited = say(number)
    hand_over()
    turn_off_and_on(client, phone)
    assert (status(lost), status(waited)) == ("sent", "delivered")
    with system("test"):
        assert list(
            Delivery.objects.values_list("message_id", flat=True).order_by("message_id")
        ) == [
            elsewhere.pk,
            waited.pk,
        ], "what never arrived costs nothing"
        assert SimulatedPhoneBlock.objects.count() == 1


def turn_off_and_on(client: Client, phone: SimulatedPhone) -> None:
    for online in ("0", "1"):
        client.post(reverse("phone_switch", args=[phone.pk]), {"online": online})
    events.apply_due()


def test_a_block_ends_also_when_its_newest_message_was_purged(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    client.post(address("phone_block", phone, number), {"blocked": "1"})
    with system("test"):
        Message.objects.filter(number=number).delete()
    assert client.post(address("phone_block", phone, number), {"blocked": "0"}).status_code == 302
    with system("test"):
        row = SimulatedPhoneBlock.objects.get()
        assert row.ended_after == row.begun_after > 0
        SimulatedPhone.objects.filter(pk=phone.pk)._raw_delete("default")
        assert not SimulatedPhoneBlock.objects.exists(), (
            "the database takes it along with its phone"
        )


def test_the_next_message_fails_with_the_chosen_code_and_the_one_after_it_arrives(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    assert client.post(address("phone_fail", phone, number), {"code": "131049"}).status_code == 302
    assert (
        "The next message fails: 131049"
        in client.get(address("phone_chat", phone, number)).content.decode()
    )
    first, second = say(number), say(number)
    hand_over()
    title, details = FAILURES[131049]
    error = {"code": 131049, "title": title, "message": title, "error_data": {"details": details}}
    with system("test"):
        failed = Message.objects.get(pk=first.pk)
        assert (failed.status, failed.errors, failed.sent_at) == ("failed", [error], None)
        assert SimulatedPhone.objects.get(pk=phone.pk).fails_with is None
    assert status(second) == "delivered"
    assert details in client.get(reverse("message", args=[first.pk])).content.decode()
    assert (
        f'id="m{first.pk}"' not in client.get(address("phone_chat", phone, number)).content.decode()
    )


def test_a_failure_is_taken_back_and_unknown_codes_are_refused(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    client.post(address("phone_fail", phone, number), {"code": "131026"})
    refused = client.post(address("phone_fail", phone, number), {"code": "131051"})
    assert (
        refused.status_code,
        "131051 is not one of the available choices" in refused.content.decode(),
    ) == (
        422,
        True,
    )
    with system("test"):
        assert SimulatedPhone.objects.get(pk=phone.pk).fails_with == 131026
        with (
            pytest.raises(IntegrityError, match="simulated_phone_fails_with_known"),
            transaction.atomic(),
        ):
            SimulatedPhone.objects.filter(pk=phone.pk).update(fails_with=1)
    assert client.post(address("phone_fail", phone, number), {"code": ""}).status_code == 302
    message = say(number)
    hand_over()
    assert status(message) == "delivered"


def test_nothing_leaves_a_phone_that_is_off(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    client.post(reverse("phone_switch", args=[phone.pk]), {"online": "0"})
    with system("test"):
        before = Event.objects.count()
    client.post(address("phone_place", phone, number), {"latitude": "1", "longitude": "1"})
    with system("test"):
        assert Event.objects.count() == before
