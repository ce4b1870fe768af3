"""One customer is one customer: a number written in two forms leads to one contact, everywhere."""

from pathlib import Path

import orjson
import pytest
from django.db import IntegrityError, transaction

from core.tenancy import system
from hosting import extensions
from hosting.contacts import number_changes
from hosting.inbound import events
from hosting.models import (
    Block,
    Contact,
    Conversation,
    FormerNumber,
    Message,
    Number,
    RejectedSend,
)
from hosting.privacy import erasure
from tests.factories import make_business, make_number
from tests.hosting.inbound.test_events import message, take
from tests.hosting.messages.test_endpoints import NOON, TEXT, caller, count, post
from tests.hosting.messages.test_incoming_endpoint import knock

NEW, OLD = "5511987650011", "551187650011"
CASES = Path(__file__).parent.parent / "inbound" / "data" / "reported"


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business(clock_at=NOON))


def people() -> list[tuple[int, str, str]]:
    with system("test"):
        rows = Contact.objects.order_by("id")
        return list(rows.values_list("business_id", "wa_id", "network_wa_id"))


def test_the_reported_bodies_of_one_brazilian_are_one_customer(number: Number) -> None:
    other = make_number(make_business())
    for at in (number, other):
        for body in orjson.loads((CASES / "br_ninth_digit.json").read_bytes()):
            raw = orjson.dumps(body).replace(b"<phone_number_id>", at.phone_number_id.encode())
            assert knock(at, raw) == 200
            events.apply_due()
    assert people() == [(at.business_id, NEW, OLD) for at in (number, other)]
    with system("test"):
        threads = Conversation.objects.order_by("id")
        assert [thread.messages.count() for thread in threads] == [2, 2]


@pytest.mark.parametrize(
    ("forms", "known"),
    [
        (("5215512345678", "525512345678"), "525512345678"),
        (("541123456789", "5491123456789"), "5491123456789"),
        (("22507123456", "2250707123456"), "2250707123456"),
        (("22997123456", "2290197123456"), "2290197123456"),
        (("841621234567", "84321234567"), "84321234567"),
    ],
)
def test_both_forms_of_a_country_are_one_customer(
    number: Number, forms: tuple[str, str], known: str
) -> None:
    for n, sender in enumerate(forms):
        take(number, message("text", f"wamid.{n}", sender=sender, text={"body": "hi"}))
    assert people() == [(number.business_id, known, "")]
    with system("test"):
        assert Conversation.objects.get().messages.count() == 2


def test_an_answer_goes_to_the_form_that_the_network_writes(number: Number) -> None:
    take(number, message("text", sender=OLD, text={"body": "oi"}))
    answers = [
        orjson.loads(post(caller(number), number, TEXT | {"to": to}).content)["contacts"]
        for to in (OLD, NEW)
    ]
    assert answers == [[{"input": OLD, "wa_id": NEW}], [{"input": NEW, "wa_id": NEW}]]
    with system("test"):
        assert set(Message.objects.filter(direction="out").values_list("recipient", flat=True)) == {
            OLD
        }
    take(number, message("text", "wamid.2", sender=NEW, text={"body": "oi"}))
    assert people() == [(number.business_id, NEW, "")]
    post(caller(number), number, TEXT | {"to": OLD})
    with system("test"):
        assert Message.objects.order_by("id").last().recipient == OLD


def test_a_customer_is_found_and_blocked_by_any_form(number: Number) -> None:
    take(number, message("text", sender=OLD, text={"body": "oi"}))
    client = caller(number)
    for form in (OLD, NEW, f"+{OLD}"):
        found = client.get("/api/v1/contacts/", {"wa_id": form}).json()["data"]
        assert [row["wa_id"] for row in found] == [NEW]
        assert len(client.get("/api/v1/messages/", {"contact": form}).json()["data"]) == 1
    with system("test"):
        assert [row.wa_id for row in Contact.objects.all().called(OLD)] == [NEW]
    blocked = client.post(
        f"/v23.0/{number.phone_number_id}/block_users",
        orjson.dumps({"messaging_product": "whatsapp", "block_users": [{"user": OLD}]}),
        content_type="application/json",
    ).json()["block_users"]
    assert blocked == {"added_users": [{"input": OLD, "wa_id": NEW}]}
    take(number, message("text", "wamid.2", sender=OLD, text={"body": "refused"}))
    assert count(Message) == 1
    refused = post(client, number, TEXT | {"to": OLD})
    assert orjson.loads(refused.content)["error"]["code"] == 130403
    with system("test"):
        assert RejectedSend.objects.get().wa_id == Block.objects.get().wa_id == NEW


def test_a_number_does_not_change_by_being_written_another_way(number: Number) -> None:
    take(number, message("text", sender=NEW, text={"body": "oi"}))
    moved = {"body": "x", "wa_id": OLD, "type": "user_changed_number"}
    take(number, message("system", "wamid.2", sender=NEW, system=moved))
    assert people() == [(number.business_id, NEW, "")]
    assert count(FormerNumber) == 0


def test_what_the_network_wrote_of_an_erased_customer_is_found_in_both_forms(
    number: Number,
) -> None:
    take(number, message("text", sender=OLD, text={"body": "oi"}))
    with system("test"):
        person = erasure._person(Contact.objects.get())
    assert sorted(person.numbers) == [OLD, NEW]


def test_the_database_keeps_no_second_form(number: Number) -> None:
    with system("test"), pytest.raises(IntegrityError, match="one_form"), transaction.atomic():
        Contact.objects.create(business=number.business, wa_id=OLD)
    assert count(Contact) == 0


def test_a_message_cannot_name_another_contact_than_its_thread(number: Number) -> None:
    for n, sender in enumerate((NEW, "4915112345678")):
        take(number, message("text", f"wamid.{n}", sender=sender, text={"body": "hi"}))
    with system("test"):
        first = Message.objects.get(wamid="wamid.0")
        other = Contact.objects.get(wa_id="4915112345678")
        with pytest.raises(IntegrityError, match="message_in_conversation"), transaction.atomic():
            Message.objects.filter(pk=first.pk).update(contact=other)
        assert Message.objects.get(pk=first.pk).contact.wa_id == NEW


def test_a_send_follows_its_thread_that_is_merged_meanwhile(number: Number) -> None:
    """Between opening the thread and writing into it, the two customers become one."""
    second = "4915112345678"
    for n, sender in enumerate((NEW, second)):
        take(number, message("text", f"wamid.{n}", sender=sender, text={"body": "hi"}))

    def merge(sent: Message) -> None:
        contacts = {one.wa_id: one for one in Contact.objects.filter(business=number.business)}
        if len(contacts) == 2:
            number_changes.merge_contacts(contacts[second], into=contacts[NEW])

    extensions.send_checks.register(merge)
    try:
        answer = orjson.loads(post(caller(number), number, TEXT | {"to": second}).content)
    finally:
        extensions.send_checks.unregister(merge)
    assert answer["contacts"] == [{"input": second, "wa_id": NEW}]
    with system("test"):
        sent = Message.objects.get(direction="out")
        thread = Conversation.objects.get()
        assert (sent.conversation_id, sent.contact_id) == (thread.pk, thread.contact_id)
        assert (thread.contact.wa_id, sent.recipient) == (NEW, NEW)
        assert count(Message) == 3
