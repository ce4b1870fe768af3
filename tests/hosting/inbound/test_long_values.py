"""Ids and names of customers that are longer than usual: none is in anybody's way, and no two
customers become one.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client

from billing.metering import meter
from billing.models import Charge
from core import widths
from core.tenancy import system
from hosting.inbound import events
from hosting.models import Contact, Conversation, Event, Message, Number, Outgoing, SimulatedPhone
from hosting.transports import sandbox
from tests.factories import make_business, make_key, make_number, make_template

DATA = Path(__file__).parent / "data"
# As long as the network's may be: two letters, a dot, 128 characters.
LONGEST = "US." + "A1b2C3d4" * 16
TO = "14155550100"


def api(number: Number) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_key(number.business)}"})


def send(number: Number, **members: Any) -> tuple[int, dict[str, Any]]:
    template: dict[str, Any] = {"name": "order_update", "language": {"code": "en_US"}}
    template |= {"components": [{"type": "body", "parameters": [{"type": "text", "text": "x"}]}]}
    answer = api(number).post(
        f"/v23.0/{number.phone_number_id}/messages",
        orjson.dumps(
            {"messaging_product": "whatsapp", "type": "template", "template": template} | members
        ),
        content_type="application/json",
    )
    return answer.status_code, orjson.loads(answer.content)


def receive(number: Number, *messages: dict[str, Any], people: list[dict[str, Any]]) -> None:
    """The network's webhook with these messages; applied."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"phone_number_id": number.phone_number_id, "display_phone_number": "1"},
        "contacts": people,
        "messages": list(messages),
    }
    entry = {"id": number.account.waba_id, "changes": [{"field": "messages", "value": value}]}
    with system("test"):
        events.store_event(
            body=orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]}),
            account_id=number.account_id,
        )
    events.apply_due()


def text(wamid: str, **members: Any) -> dict[str, Any]:
    return {
        "id": wamid, "timestamp": "1778414400", "type": "text", "text": {"body": wamid},
    } | members  # fmt: skip


def person(user_id: str, name: str = "Ann", **members: Any) -> dict[str, Any]:
    return {"profile": {"name": name}, "user_id": user_id} | members


@pytest.fixture
def numbers(db: None) -> list[Number]:
    """Of two businesses that know nothing of each other."""
    made = [make_number(make_business(name)) for name in ("Free sign-up", "Bakery")]
    for number in made:
        make_template(number)
    return made


def contacts() -> list[tuple[str, str]]:
    with system("test"):
        return list(Contact.objects.order_by("id").values_list("wa_id", "name"))


@pytest.mark.parametrize("user_id", ["US.13491208655302741918", LONGEST])
def test_a_send_to_a_user_id_holds_up_nobodys_messages(numbers: list[Number], user_id: str) -> None:
    status, answer = send(numbers[0], recipient=user_id)
    assert status == 200, answer
    for _ in range(3):
        assert send(numbers[1], to=TO)[0] == 200
    while sandbox.deliver_due():
        pass
    events.apply_due()
    with system("test"):
        assert not Outgoing.objects.exists()
        assert set(Message.objects.values_list("status", flat=True)) <= {"delivered", "read"}
        assert SimulatedPhone.objects.filter(wa_id=user_id).count() == 1
    while meter.meter_due():
        pass
    with system("test"):
        assert Charge.objects.count() == 4


def test_a_user_id_beyond_the_networks_is_refused_at_the_entrance(numbers: list[Number]) -> None:
    status, answer = send(numbers[0], recipient=LONGEST + "x")
    assert (status, answer["error"]["code"]) == (400, 131009)
    with system("test"):
        assert not Message.objects.exists()
        assert not Contact.objects.exists()


def test_two_customers_whose_ids_begin_alike_are_two(numbers: list[Number]) -> None:
    for body in orjson.loads((DATA / "bsuid_long_two_people.json").read_bytes()):
        value = body["entry"][0]["changes"][0]["value"]
        receive(numbers[0], *value["messages"], people=value["contacts"])
    with system("test"):
        assert list(Contact.objects.order_by("id").values_list("name", "username")) == [
            ("Long A", "long.a"),
            ("Long B", "long.b"),
        ]
        assert Conversation.objects.count() == 2
        assert all(
            len(row.wa_id) > 80 and row.user_id == row.wa_id for row in Contact.objects.all()
        )


def test_the_longest_user_id_and_a_long_name_come_through_to_the_charge(
    numbers: list[Number],
) -> None:
    name = "Ännchen " * 40
    receive(numbers[0], text("wamid.1", from_user_id=LONGEST), people=[person(LONGEST, name)])
    assert contacts() == [(LONGEST, name[: widths.PERSON_NAME])]
    assert send(numbers[0], recipient=LONGEST)[0] == 200
    while sandbox.deliver_due():
        pass
    events.apply_due()
    with system("test"):
        phone = SimulatedPhone.objects.get()
        assert (phone.wa_id, phone.name) == (LONGEST, name[: widths.PERSON_NAME])
        assert Contact.objects.get().name == name[: widths.PERSON_NAME]
    while meter.meter_due():
        pass
    with system("test"):
        assert Charge.objects.count() == 1


def test_a_sender_whose_id_is_too_long_is_left_out_and_the_others_are_not(
    numbers: list[Number],
) -> None:
    too_long = "US." + "x" * widths.PERSON_ID
    receive(
        numbers[0],
        text("wamid.1", from_user_id=too_long),
        text("wamid.2", **{"from": TO}, from_user_id=too_long),
        text("wamid.3", **{"from": "1" * 151}),
        text("wamid.4", from_user_id="US.2"),
        people=[person(too_long), person("US.2"), person(too_long, wa_id=TO)],
    )
    assert [wa_id for wa_id, _ in contacts()] == [TO, "US.2"]
    with system("test"):
        assert list(Message.objects.order_by("id").values_list("wamid", flat=True)) == [
            "wamid.2",
            "wamid.4",
        ]
        assert not Event.objects.filter(applied_at=None).exists()
