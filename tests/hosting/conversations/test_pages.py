"""The inbox, the simulated phone and the message log, by HTTP as a browser would use them."""

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts.models import Business
from core.tenancy import system
from hosting.inbound import events
from hosting.models import (
    Contact,
    Conversation,
    Event,
    Message,
    Number,
    Outgoing,
    SimulatedPhone,
    Status,
)
from hosting.transports import sandbox
from tests.factories import make_business, make_member, make_number, make_template

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business(name="Bakery")


@pytest.fixture
def number(business: Business) -> Number:
    return make_number(business)


@pytest.fixture
def client(business: Business) -> Client:
    client = Client()
    client.force_login(
        make_member(business, "agent"), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


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


def test_the_phone_writes_through_the_webhook_address_and_reads_by_opening(
    client: Client, number: Number
) -> None:
    with system("test data"):
        simulated_phone = SimulatedPhone.objects.create(
            business=number.business, wa_id="14155550123", name="Zoe"
        )
    chat = reverse("phone_chat", args=[simulated_phone.pk, number.phone_number_id])
    client.post(
        reverse("phone_write", args=[simulated_phone.pk, number.phone_number_id]),
        {"text": "Hello?"},
    )
    assert len(rows(Event)) == 1
    events.apply_due()
    [message] = rows(Message)
    assert (message.text, message.direction, message.contact_id) == (
        "Hello?",
        "in",
        rows(Contact)[0].pk,
    )
    client.post(
        reverse("inbox_reply", args=[rows(Conversation)[0].public_id]), {"text": "Good day"}
    )
    assert "Good day" not in client.get(chat).content.decode()
    sandbox.deliver_due()
    events.apply_due()
    assert rows(Message)[1].status == Status.DELIVERED
    assert "Good day" in client.get(chat).content.decode()
    events.apply_due()
    assert rows(Message)[1].status == Status.READ


def test_a_phone_that_is_off_leaves_messages_at_one_tick(client: Client, number: Number) -> None:
    with system("test data"):
        simulated_phone = SimulatedPhone.objects.create(
            business=number.business, wa_id="14155550100", name="Zoe"
        )
    conversation = make_conversation(number, last_inbound_at=open_window())
    client.post(reverse("phone_switch", args=[simulated_phone.pk]), {"online": "0"})
    client.post(reverse("inbox_reply", args=[conversation.public_id]), {"text": "Are you there?"})
    sandbox.deliver_due()
    events.apply_due()
    assert rows(Message)[0].status == Status.SENT
    client.post(reverse("phone_switch", args=[simulated_phone.pk]), {"online": "1"})
    events.apply_due()
    assert rows(Message)[0].status == Status.DELIVERED


def test_a_phone_number_is_taken_once(client: Client, number: Number) -> None:
    for _ in range(2):
        response = client.post(reverse("phones"), {"name": "Zoe", "wa_id": "+1 415 555 0123"})
    assert [row.wa_id for row in rows(SimulatedPhone)] == ["14155550123"]
    assert "already" in response.content.decode()
    assert (
        "7 to 15 digits"
        in client.post(reverse("phones"), {"name": "Zoe", "wa_id": "12"}).content.decode()
    )


def test_the_log_filters_and_pages(client: Client, number: Number) -> None:
    conversation = make_conversation(number, name="Ada")
    make_messages(conversation, *(f"in {n}" for n in range(60)))
    make_messages(
        conversation,
        "lost",
        direction="out",
        category="marketing",
        status="failed",
        errors=[{"code": 131026, "title": "Message undeliverable"}],
    )
    address = reverse("messages")
    first = client.get(address)
    assert len(first.context["rows"]) == 50
    assert len(client.get(address, {"before": first.context["older"]}).context["rows"]) == 11
    failed = client.get(address, {"status": "failed"})
    assert [row.text for row, _ in failed.context["rows"]] == ["lost"]
    assert "Message undeliverable" in failed.content.decode()
    for query, found in (
        ({"direction": "out"}, 1),
        ({"category": "utility"}, 0),
        ({"q": "ada"}, 50),
        ({"q": "+1415"}, 50),
        ({"q": "wamid.x"}, 0),
        ({"since": "2100-01-01"}, 0),
        ({"status": "nonsense", "before": "-1"}, 50),
        ({"kind": "text", "direction": "out"}, 1),
        ({"kind": "image"}, 0),
        ({"number": number.phone_number_id}, 50),
        ({"number": "1"}, 0),
    ):
        assert len(client.get(address, query).context["rows"]) == found, query


def test_the_logs_csv_is_safe_in_a_spreadsheet(client: Client, number: Number) -> None:
    conversation = make_conversation(number)
    make_messages(conversation, "x", wamid="=HYPERLINK(1)")
    response = client.get(reverse("messages"), {"csv": "1"})
    lines = response.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("id,wamid,direction,kind")
    assert len(lines) == 2
    assert ",'=HYPERLINK(1),in,text," in lines[1]


def picture() -> SimpleUploadedFile:
    held = BytesIO()
    Image.new("RGB", (8, 8), "#0d6b62").save(held, "PNG")
    return SimpleUploadedFile("loaf.png", held.getvalue(), content_type="image/png")


def test_a_picture_goes_out_and_is_shown_to_members_only(
    client: Client, number: Number, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    conversation = make_conversation(number, last_inbound_at=open_window())
    address = reverse("inbox_reply", args=[conversation.public_id])
    assert client.post(address, {"text": "Fresh", "file": picture()}).status_code == 302
    [message] = rows(Message)
    assert (message.kind, message.content["caption"]) == ("image", "Fresh")
    shown = reverse("message_media", args=[message.content["id"]])
    assert (
        f'src="{shown}thumbnail/"' in client.get(conversation.get_absolute_url()).content.decode()
    )
    assert client.get(shown).headers["Location"].startswith("/media/")
    stranger = Client()
    stranger.force_login(
        make_member(make_business(name="Other")),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    assert stranger.get(shown).status_code == 404


def test_a_file_that_is_not_what_it_says_is_refused_and_sends_nothing(
    client: Client, number: Number
) -> None:
    conversation = make_conversation(number, last_inbound_at=open_window())
    address = reverse("inbox_reply", args=[conversation.public_id])
    fake = SimpleUploadedFile("loaf.png", b"MZ\x90\x00 not a picture", content_type="image/png")
    response = client.post(address, {"text": "Kept", "file": fake})
    assert response.status_code == 422
    assert "Kept" in response.content.decode()
    assert rows(Message) == []


def test_a_picture_from_the_phone_arrives(
    client: Client, number: Number, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    with system("test data"):
        simulated_phone = SimulatedPhone.objects.create(
            business=number.business, wa_id="14155550123", name="Zoe"
        )
    write = reverse("phone_write", args=[simulated_phone.pk, number.phone_number_id])
    assert client.post(write, {"text": "This one?", "file": picture()}).status_code == 302
    events.apply_due()
    [message] = rows(Message)
    assert (message.kind, message.direction, message.text) == ("image", "in", "This one?")

    assert (
        message.content["id"]
        in client.get(rows(Conversation)[0].get_absolute_url()).content.decode()
    )
