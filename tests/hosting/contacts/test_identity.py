"""Who writes: user names and user ids are kept as last told, and both numbers of a merged customer
lead to them.
"""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from accounts.models import AuditEntry
from core.tenancy import scope, system
from hosting.contacts import number_changes
from hosting.inbound import events
from hosting.models import Block, Contact, Conversation, Message, Number, Webhook, WebhookCall
from tests.factories import make_business, make_number
from tests.hosting.contacts.test_pages import reader
from tests.hosting.inbound.test_events import message, take
from tests.hosting.inbound.test_payloads import from_people, person
from tests.hosting.messages.test_endpoints import NOON, TEXT, TO, caller, code_of, count, post
from tests.hosting.messages.test_incoming_endpoint import knock

SECOND = "4915112345678"


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business(clock_at=NOON))


def say(
    number: Number, wamid: str, minute: int, who: dict[str, Any] | None = None, **members: Any
) -> None:
    """The customer writes at that minute of the hour, with this profile."""
    one = message(
        "text", wamid, at=NOON + timedelta(minutes=minute), text={"body": wamid}, **members
    )
    assert knock(number, from_people(number, [one], *([who] if who else []))) == 200
    events.apply_due()


def known() -> list[tuple[str, str, str, str]]:
    with system("test"):
        return list(
            Contact.objects.order_by("id").values_list("wa_id", "user_id", "name", "username")
        )


def united(number: Number) -> Contact:
    """Two customers, of whom the second was merged into the first."""
    take(number, message("text", "wamid.1", text={"body": "first"}))
    take(number, message("text", "wamid.2", sender=SECOND, text={"body": "second"}))
    with scope(number.business_id):
        into = Contact.objects.get(wa_id=TO)
        number_changes.merge_contacts(Contact.objects.get(wa_id=SECOND), into=into)
        return into


def test_a_user_name_is_kept_shown_passed_on_and_taken_back(number: Number) -> None:
    with system("test"):
        account, url = number.account, "https://a.example/"
        Webhook.objects.create(
            business=number.business, account=account, url=url, is_active=True, fields=["messages"]
        )
    who = person(TO, "Sheena", username="@realsheena", user_id="US.1")
    say(number, "wamid.1", 1, who)
    assert known() == [(TO, "US.1", "Sheena", "@realsheena")]
    with system("test"):
        (reported,) = orjson.loads(bytes(WebhookCall.objects.get().body))["entry"][0]["changes"][0][
            "value"
        ]["contacts"]
        found = Contact.objects.get()
    assert reported == {
        "profile": {"name": "Sheena", "username": "@realsheena"},
        "wa_id": TO,
        "user_id": "US.1",
    }
    assert (
        "@realsheena"
        in reader(number.business, "agent").get(f"/contacts/{found.pk}/").content.decode()
    )
    assert caller(number).get(f"/api/v1/contacts/{found.pk}/").json()["username"] == "@realsheena"
    say(number, "wamid.2", 2, person(TO, "Sheena"))
    assert known() == [(TO, "US.1", "Sheena", "")]


def test_what_comes_late_does_not_undo_what_was_said_since(number: Number) -> None:
    say(number, "wamid.3", 3, person(TO, "Ann New", username="@new", user_id="US.2"))
    say(number, "wamid.1", 1, person(TO, "Ann Old", username="@old", user_id="US.1"))
    assert known() == [(TO, "US.2", "Ann New", "@new")]
    say(number, "wamid.4", 4, person(TO, "Ann", user_id="US.3"))
    assert known() == [(TO, "US.3", "Ann", "")]


def test_an_id_of_the_network_is_not_replaced_by_our_stand_in(number: Number) -> None:
    say(number, "wamid.1", 1, person(TO, "Ann"))
    stand_in = known()[0][1]
    assert stand_in.startswith("US.")
    say(number, "wamid.2", 2, person(TO, "Ann", user_id="US.2"))
    say(number, "wamid.3", 3, person(TO, "Ann"))
    assert known() == [(TO, "US.2", "Ann", "")]


@pytest.mark.parametrize("number_first", [True, False])
def test_a_customer_with_and_without_a_number_is_one(number: Number, number_first: bool) -> None:
    order: list[tuple[str, dict[str, Any]]] = [
        ("wamid.n", {"sender": TO}),
        ("wamid.u", {"sender": ""}),
    ]
    for minute, (wamid, who) in enumerate(order if number_first else order[::-1]):
        say(number, wamid, minute, from_user_id="US.77", **who)
    assert [row[:2] for row in known()] == [(TO, "US.77")]
    assert (count(Conversation), count(Message)) == (1, 2)
    # And they are written to by either.
    body = TEXT | {"recipient": "US.77"}
    body.pop("to")
    answer = orjson.loads(post(caller(number), number, body).content)
    assert answer["contacts"] == [{"input": "US.77", "wa_id": TO, "user_id": "US.77"}]
    assert (count(Contact), count(Conversation)) == (1, 1)


def test_a_merged_customers_second_number_leads_to_their_conversation(number: Number) -> None:
    kept = united(number)
    say(number, "wamid.3", 3, sender=SECOND)
    answer = orjson.loads(post(caller(number), number, TEXT | {"to": SECOND}).content)
    assert answer["contacts"] == [{"input": SECOND, "wa_id": TO}]
    with system("test"):
        assert [row.pk for row in Contact.objects.all()] == [kept.pk]
        assert Conversation.objects.get().contact_id == kept.pk
        assert Message.objects.filter(contact=kept).count() == 4
    page = reader(number.business, "agent").get(f"/contacts/{kept.pk}/").content.decode()
    assert "theirs as well" in page


def test_both_numbers_go_on_to_whom_the_merged_are_merged_into(number: Number) -> None:
    middle = united(number)
    take(number, message("text", "wamid.4", sender="4915100000009", text={"body": "third"}))
    with scope(number.business_id):
        last = Contact.objects.get(wa_id="4915100000009")
        number_changes.merge_contacts(middle, into=last)
    for n, sender in enumerate((TO, SECOND, "4915100000009"), 5):
        say(number, f"wamid.{n}", n, sender=sender)
    with system("test"):
        assert list(Contact.objects.values_list("pk", flat=True)) == [last.pk]
        assert Message.objects.filter(contact=last).count() == 6
        assert AuditEntry.objects.filter(action="contact.merged").count() == 2


def test_a_blocked_number_stays_blocked_when_its_customer_is_merged(number: Number) -> None:
    united(number)
    with system("test"):
        Block.objects.create(business=number.business, number=number, wa_id=SECOND)
    say(number, "wamid.9", 9, sender=SECOND)
    assert count(Message) == 2
    assert code_of(post(caller(number), number, TEXT | {"to": SECOND})) == (400, 130403)
    say(number, "wamid.10", 10, sender=TO)
    assert count(Message) == 3


def test_a_strangers_merge_leads_nobody_astray(number: Number) -> None:
    united(number)
    other = make_number(make_business("Other", clock_at=NOON), digits="15559990000")
    say(other, "wamid.1", 1, sender=SECOND)
    with system("test"):
        assert Contact.objects.get(business=other.business).wa_id == SECOND
