"""The inbox, the simulated phone and the message log, by HTTP as a browser would use them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Business
from core.tenancy import system
from hosting.models import (
    Contact,
    Conversation,
    Message,
    Number,
    Outgoing,
    Status,
)
from tests.factories import make_business, make_client, make_member, make_number, make_template

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business(name="Bakery")


@pytest.fixture
def number(business: Business) -> Number:
    return make_number(business)


@pytest.fixture
def client(business: Business) -> Client:
    return make_client(business, "agent")


def make_conversation(
    number: Number, *, wa_id: str = "14155550100", name: str = "Ada", **fields: Any
) -> Conversation:
    with system("test data"):
        contact = Contact.objects.create(business=number.business, wa_id=wa_id, name=name)
        return Conversation.objects.create(
            business=number.business, number=number, contact=contact, **fields
        )


def make_messages(conversation: Conversation, *texts: str, **fields: Any) -> list[Message]:
    values = {"direction": "in", "kind": "text", "status": "received"} | fields
    with system("test data"):
        return Message.objects.bulk_create(
            Message(
                business_id=conversation.business_id,
                number_id=conversation.number_id,
                conversation=conversation,
                contact_id=conversation.contact_id,
                text=text,
                **values,
            )
            for text in texts
        )


def rows(model: Any) -> list[Any]:
    with system("test"):
        return list(model.objects.order_by("pk"))


def open_window() -> datetime:
    return timezone.now() - timedelta(hours=1)


def test_the_list_is_newest_first_a_page_at_a_time(client: Client, number: Number) -> None:
    start = timezone.now()
    for n in range(35):
        make_conversation(
            number,
            wa_id=f"141555501{n:02}",
            name=f"Person{n:02}",
            last_message_at=start - timedelta(minutes=n),
        )
    first = client.get(reverse("inbox_rows"))
    assert [talk.contact.name for talk in first.context["list"].conversations] == [
        f"Person{n:02}" for n in range(30)
    ]
    second = client.get(reverse("inbox_rows"), {"before_row": first.context["list"].older})
    assert [talk.contact.name for talk in second.context["list"].conversations] == [
        f"Person{n}" for n in range(30, 35)
    ]
    assert second.context["list"].older == ""


def test_a_cursor_made_by_hand_is_ignored(client: Client, number: Number) -> None:
    make_conversation(number)
    for cursor in ("x", "2026-01-01,1", "2026-01-01T00:00:00+00:00,x", ","):
        response = client.get(reverse("inbox_rows"), {"before_row": cursor})
        assert len(response.context["list"].conversations) == 1


def test_the_list_finds_names_and_numbers(client: Client, number: Number) -> None:
    make_conversation(number, name="Ada Lovelace", wa_id="14155550100")
    make_conversation(number, name="Grace Hopper", wa_id="4915112345678")
    for words, found in (
        ("love", ["Ada Lovelace"]),
        ("+4915", ["Grace Hopper"]),
        ("ada hop", []),
        ("", 2),
    ):
        names = [
            talk.contact.name
            for talk in client.get(reverse("inbox"), {"q": words}).context["list"].conversations
        ]
        assert (len(names) if found == 2 else names) == found


def test_the_views_count_and_hold_their_conversations(
    client: Client, number: Number, business: Business
) -> None:
    with system("test"):
        mine = business.memberships.get().user
    make_conversation(number, wa_id="14155550101", assignee=mine)
    make_conversation(number, wa_id="14155550102")
    make_conversation(number, wa_id="14155550103", is_resolved=True)
    response = client.get(reverse("inbox"))
    assert response.context["counts"] == {
        "open": 2,
        "mine": 1,
        "unassigned": 1,
        "snoozed": 0,
        "resolved": 1,
        "mentioned": 0,
        "locked": 0,
    }
    for view, expected in (
        ("mine", "14155550101"),
        ("unassigned", "14155550102"),
        ("resolved", "14155550103"),
    ):
        listed = client.get(reverse("inbox"), {"view": view}).context["list"].conversations
        assert [talk.contact.wa_id for talk in listed] == [expected]


def test_opening_a_thread_marks_it_as_read(client: Client, number: Number) -> None:
    conversation = make_conversation(number, unread_count=3)
    client.get(conversation.get_absolute_url())
    assert rows(Conversation)[0].unread_count == 0


def test_older_messages_come_a_page_at_a_time_without_gap_or_double(
    client: Client, number: Number
) -> None:
    conversation = make_conversation(number)
    make_messages(conversation, *(f"text {n}" for n in range(100)))
    page = client.get(conversation.get_absolute_url()).context["page"]
    seen = [entry.message.text for entry in page.entries]
    assert seen == [f"text {n}" for n in range(60, 100)]
    while page.older:
        response = client.get(
            reverse("inbox_messages", args=[conversation.public_id]), {"before": page.older}
        )
        page = response.context["page"]
        seen = [entry.message.text for entry in page.entries] + seen
    assert seen == [f"text {n}" for n in range(100)]


def test_a_text_is_escaped_and_its_marks_are_shown(client: Client, number: Number) -> None:
    conversation = make_conversation(number, name="<b>Eve</b>")
    make_messages(
        conversation, "*bold* <script>alert(1)</script> https://example.com/a_b_c?x=1&y=2. `a*b*c`"
    )
    html = client.get(conversation.get_absolute_url()).content.decode()
    assert "<strong>bold</strong> &lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert (
        '<a href="https://example.com/a_b_c?x=1&amp;y=2" rel="noopener noreferrer nofollow"' in html
    )
    assert "<code>a*b*c</code>" in html
    assert "<b>Eve</b>" not in html


def test_a_reply_is_accepted_queued_and_carries_its_author(client: Client, number: Number) -> None:
    conversation = make_conversation(number, last_inbound_at=open_window())
    response = client.post(
        reverse("inbox_reply", args=[conversation.public_id]), {"text": "Gladly!"}
    )
    assert response.status_code == 302
    [message] = rows(Message)
    assert (message.text, message.status, message.category) == (
        "Gladly!",
        Status.ACCEPTED,
        "service",
    )
    assert message.author_id is not None
    assert [row.message_id for row in rows(Outgoing)] == [message.pk]


def test_a_refused_reply_says_why_keeps_the_draft_and_sends_nothing(
    client: Client, number: Number
) -> None:
    conversation = make_conversation(number, last_inbound_at=timezone.now() - timedelta(hours=25))
    address = reverse("inbox_reply", args=[conversation.public_id])
    response = client.post(address, {"text": "Too late"})
    assert response.status_code == 422
    assert "24 hours" in response.content.decode()
    assert rows(Message) == []
    with_window = make_conversation(number, wa_id="14155550199", last_inbound_at=open_window())
    address = reverse("inbox_reply", args=[with_window.public_id])
    long = client.post(address, {"text": "x" * 4097}, headers={"HX-Request": "true"})
    assert "4096" in long.content.decode()
    assert "x" * 4097 in long.content.decode()
    assert client.post(address, {"text": "  "}).status_code == 422
    assert rows(Message) == []


def test_a_template_needs_all_its_variables_and_is_sent_with_them(
    client: Client, number: Number
) -> None:
    conversation = make_conversation(number)
    template = make_template(number)
    make_template(number, name="not_yet", status="PENDING")
    address = reverse("inbox_templates", args=[conversation.public_id])
    assert [found.name for found, _price in client.get(address).context["templates"]] == [
        "order_update"
    ]
    assert "{{1}}" in client.get(address, {"template": template.pk}).content.decode()
    missing = client.post(address, {"template": template.pk, "value_1": ""})
    assert missing.context["form"].errors
    assert rows(Message) == []
    assert client.post(address, {"template": template.pk, "value_1": "L-7"}).status_code == 302
    [message] = rows(Message)
    assert (message.kind, message.text, message.category) == (
        "template",
        "Order L-7 is ready",
        "utility",
    )


def test_assigning_takes_members_only(client: Client, number: Number, business: Business) -> None:
    conversation = make_conversation(number)
    address = reverse("inbox_assign", args=[conversation.public_id])
    stranger = make_member(make_business(name="Other"))
    assert client.post(address, {"assignee": stranger.pk}).status_code == 404
    assert rows(Conversation)[0].assignee_id is None
    member = make_member(business, "owner")
    assert client.post(address, {"assignee": member.pk}).status_code == 302
    assert rows(Conversation)[0].assignee_id == member.pk
    client.post(address, {"assignee": ""})
    assert rows(Conversation)[0].assignee_id is None


def test_resolving_is_undone_by_opening_again(client: Client, number: Number) -> None:
    conversation = make_conversation(number)
    address = reverse("inbox_resolve", args=[conversation.public_id])
    client.post(address, {"resolved": "1"})
    assert rows(Conversation)[0].is_resolved
    client.post(address, {"resolved": "0"})
    assert not rows(Conversation)[0].is_resolved


def test_every_kind_of_message_has_its_bubble(client: Client, number: Number) -> None:
    conversation = make_conversation(number)
    contents: dict[str, Any] = {
        "image": {"caption": "A loaf", "id": "1"},
        "video": {"caption": "Oven", "id": "2"},
        "audio": {"voice": True, "id": "3"},
        "document": {"filename": "price list.pdf", "id": "4"},
        "sticker": {"id": "5"},
        "location": {"latitude": 52.52, "longitude": 13.405, "name": "Bakery Mitte"},
        "contacts": {
            "contacts": [
                {"name": {"formatted_name": "Bob Baker"}, "phones": [{"phone": "+49 30 1"}]}
            ]
        },
        "interactive": {
            "type": "list_reply",
            "list_reply": {"title": "Rye", "description": "1 kg"},
        },
        "button": {"text": "Yes please"},
        "order": {
            "product_items": [
                {"quantity": 2, "product_retailer_id": "RYE", "item_price": 4, "currency": "EUR"}
            ]
        },
        "hologram": {},
        "../../../etc": {},
    }
    for kind, content in contents.items():
        make_messages(conversation, "", kind=kind, content=content)
    html = client.get(conversation.get_absolute_url()).content.decode()
    for words in (
        "A loaf",
        "Oven",
        "Voice message",
        "price list.pdf",
        "Sticker",
        "52.52, 13.405",
        "Bob Baker",
        "+49 30 1",
        "1 kg",
        "2 × RYE",
        "hologram",
        "../../../etc",
    ):
        assert words in html, words


def test_a_reaction_sits_on_its_message_and_a_reply_quotes_its_own(
    client: Client, number: Number
) -> None:
    conversation = make_conversation(number)
    [first] = make_messages(conversation, "Is the rye fresh?")
    make_messages(
        conversation, "👍", kind="reaction", content={"message_id": first.wamid, "emoji": "👍"}
    )
    make_messages(conversation, "It is", context_wamid=first.wamid)
    page = client.get(conversation.get_absolute_url()).context["page"]
    assert [(entry.message.text, entry.reactions) for entry in page.entries] == [
        ("Is the rye fresh?", ["👍"]),
        ("It is", []),
    ]
    assert page.entries[1].quoted.pk == first.pk
