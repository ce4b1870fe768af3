"""The simulated phone, the log, and pictures in conversations."""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from core.tenancy import system
from hosting.inbound import events
from hosting.models import (
    Contact,
    Conversation,
    Event,
    Message,
    Number,
    SimulatedPhone,
    Status,
)
from hosting.transports import sandbox
from tests.factories import make_business, make_member
from tests.hosting.conversations.test_pages import (
    business,
    client,
    make_conversation,
    make_messages,
    number,
    open_window,
    rows,
)

# Fixtures.
__all__ = ["business", "client", "number"]
pytestmark = pytest.mark.django_db


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
