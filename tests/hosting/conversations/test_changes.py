"""What members do with conversations: recorded, undone, many at once; mentions and labels."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Business, User
from core.models import Email
from core.tenancy import scope, system
from hosting.conversations import teamwork
from hosting.models import Activity, CannedReply, Conversation, Mention, Number
from tests.factories import make_business, make_member, make_number
from tests.hosting.conversations.test_pages import make_conversation


@pytest.fixture
def business(db: None) -> Business:
    return make_business(name="Bakery")


@pytest.fixture
def number(business: Business) -> Number:
    return make_number(business)


@pytest.fixture
def agent(business: Business) -> User:
    return make_member(business, "agent")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_what_members_do_stands_in_the_thread_once_and_can_be_undone(
    number: Number, agent: User
) -> None:
    conversation = make_conversation(number)
    client = client_of(agent)
    thread = f"/inbox/{conversation.public_id}"

    def say(path: str, **values: str) -> dict[str, Any]:
        answer = client.post(f"{thread}/{path}/", values, headers={"HX-Request": "true"})
        events: dict[str, Any] = json.loads(answer.headers["HX-Trigger"])
        said: dict[str, Any] = events["toast"]
        return said

    until = (timezone.now() + timedelta(hours=3)).isoformat()
    assert say("assign", assignee=str(agent.pk))["undo"]["values"] == {"assignee": ""}
    say("assign", assignee=str(agent.pk))
    assert say("labels", label="vip")["text"] == "Labelled vip."
    assert say("snooze", until=until)["undo"]["values"] == {"until": ""}
    done = say("resolve", resolved="1")
    assert done["undo"] == {
        "url": f"{thread}/resolve/",
        "values": {"resolved": "0"},
        "label": "Undo",
    }
    with scope(number.business_id):
        conversation.refresh_from_db()
    assert (conversation.is_resolved, conversation.snoozed_until) == (True, None)
    say("resolve", **done["undo"]["values"])
    with scope(number.business_id):
        assert [(one.kind, one.subject) for one in Activity.objects.order_by("id")] == [
            ("assigned", str(agent)),
            ("labelled", "vip"),
            ("snoozed", ""),
            ("resolved", ""),
            ("reopened", ""),
        ]
    page = client.get(f"{thread}/").content.decode()
    assert f"{agent} resolved this" in page


def test_many_conversations_are_changed_at_once_and_only_own_ones(
    number: Number, agent: User
) -> None:
    own = [make_conversation(number, wa_id=f"1415555010{n}", name="") for n in range(3)]
    strange = make_conversation(make_number(make_business(name="Other")), wa_id="14155550999")
    ids = ",".join(str(one.public_id) for one in [*own[:2], strange])
    client = client_of(agent)
    client.post("/inbox/change/", {"ids": ids, "change": "resolve"})
    client.post("/inbox/change/", {"ids": ids, "change": "assign", "assignee": str(agent.pk)})
    refused = client.post("/inbox/change/", {"ids": "nonsense", "change": "resolve"})
    assert refused.status_code == 400
    with system("test"):
        found = Conversation.objects.order_by("id").values_list("is_resolved", "assignee_id")
        assert list(found) == [(True, agent.pk), (True, agent.pk), (False, None), (False, None)]


def test_who_is_mentioned_in_a_note_gets_a_mail_and_a_view_until_it_is_seen(
    number: Number, agent: User
) -> None:
    conversation = make_conversation(number)
    ann = make_member(number.business, "agent")
    reader = make_member(number.business, "finance")
    note = f"@{str(ann).upper()}, @{reader} and @{agent}: please look"
    client_of(agent).post(f"/inbox/{conversation.public_id}/note/", {"text": note})
    with system("test"):
        assert [one.user_id for one in Mention.objects.all()] == [ann.pk]
        [mail] = Email.objects.filter(kind="mention")
        assert mail.recipient == ann.email
        assert str(conversation.public_id) in mail.text
    client = client_of(ann)
    assert "Mentions" in client.get("/inbox/?view=mentioned").content.decode()
    client.get(f"/inbox/{conversation.public_id}/")
    with system("test"):
        assert not Mention.objects.exists()


def test_labels_are_renamed_and_coloured_and_replies_edited(number: Number, agent: User) -> None:
    conversation = make_conversation(number)
    client = client_of(agent)
    with scope(number.business_id):
        label, _ = teamwork.add_label(conversation=conversation, name="vip")
        teamwork.add_label(conversation=conversation, name="new")
        teamwork.save_canned_reply(business_id=number.business_id, shortcut="hi", text="Hello")
        reply = CannedReply.objects.get()
    client.post(f"/settings/inbox/labels/{label.pk}/", {"name": "gold", "colour": "3"})
    client.post(f"/settings/inbox/labels/{label.pk}/", {"name": "NEW", "colour": "9"})
    client.post(f"/settings/inbox/labels/{label.pk}/", {"name": "new", "colour": "1"})
    client.post(
        "/settings/inbox/replies/", {"reply": reply.pk, "shortcut": "hey", "text": "Hello there"}
    )
    with scope(number.business_id):
        label.refresh_from_db()
        assert (label.name, label.colour) == ("gold", 3)
        assert [(r.shortcut, r.text) for r in CannedReply.objects.all()] == [("hey", "Hello there")]


def test_a_conversation_is_started_with_a_number(number: Number, agent: User) -> None:
    client = client_of(agent)
    for text in ("", "abc", "123", "+1 415 5550 1999 9999 9"):
        answer = client.post("/inbox/new/", {"to": text, "number": number.pk})
        assert answer.status_code == 422, text
    own = client.post("/inbox/new/", {"to": number.digits, "number": number.pk})
    assert own.status_code == 422
    with scope(number.business_id):
        assert not Conversation.objects.exists()
    first = client.post("/inbox/new/", {"to": "0049 (170) 123-4567", "number": number.pk})
    again = client.post("/inbox/new/", {"to": "+491701234567", "number": number.pk})
    with scope(number.business_id):
        [found] = Conversation.objects.select_related("contact")
        assert (found.contact.wa_id, found.assignee_id) == ("491701234567", agent.pk)
        assert first.headers["Location"] == again.headers["Location"] == found.get_absolute_url()
