"""Every type of message in a thread, both ways: exactly what its bubble says."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.tenancy import scope
from hosting.cloudapi.parts import Button, buttons_of, header_of
from hosting.models import Contact, Conversation
from tests.factories import make_business, make_member, make_number
from tests.hosting.kinds import HARVEST, KINDS, say_every_kind

pytestmark = pytest.mark.django_db
EARLIER = "to an earlier message"
REST = {
    "template": "harvest Hello Zoe, the new rye is here Luma Bakery See it Call us No more news",
    "answer": "Replying to Both. Fresh at ten! Two, please",
    "edited": "Three, please",
    "deleted": "This message was deleted.",
    "deleted photo": "This message was deleted.",
    "edit of what is not here": "Edited an earlier message Four",
    "revoke of what is not here": "An earlier message was deleted.",
    "reaction to what is not here": f"🎉 {EARLIER}",
    "accepted": "Accepted",
    "sent": "Sent",
    "delivered": "Delivered",
    "read": "Read",
    "failed": "Failed",
}
BUBBLE = re.compile(r'<article class="entry ([^"]*)" id="m(\d+)">(.*?)</article>', re.DOTALL)


def words(markup: str) -> str:
    """What a person reads of it, spaces made single."""
    markup = re.sub(r"</?(?:strong|em|s|code|a)\b[^>]*>", "", markup)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


@pytest.fixture
def shown(settings: Any, tmp_path: Path) -> tuple[dict[str, Any], dict[int, tuple[str, str]]]:
    """The messages by name, and (classes, markup) of their bubbles by id."""
    settings.MEDIA_ROOT = str(tmp_path)
    number = make_number(make_business())
    with scope(number.business_id):
        contact = Contact.objects.create(business=number.business, wa_id="14155550123", name="Zoe")
        thread = Conversation.objects.create(
            business=number.business, number=number, contact=contact
        )
        said = say_every_kind(thread)
    client = Client()
    client.force_login(
        make_member(number.business, "agent"), backend="django.contrib.auth.backends.ModelBackend"
    )
    page = client.get(
        reverse("inbox_messages", args=[thread.public_id]), {"since": "1"}
    ).content.decode()
    return said, {int(pk): (classes, markup) for classes, pk, markup in BUBBLE.findall(page)}


def test_every_type_of_message_says_what_it_holds(shown: Any) -> None:
    said, bubbles = shown
    expected = {one.name: one.shown for one in KINDS} | REST
    assert {one.direction for one in KINDS} == {"in", "out"}
    found = {}
    for name in expected:
        classes, markup = bubbles.pop(said[name].pk)
        assert ("out" in classes.split()) == (said[name].direction == "out"), name
        markup = re.sub(r'<button class="bare quote-it".*?</button>', "", markup, flags=re.DOTALL)
        found[name] = words(markup.split('<div class="meta">')[0])
    assert found == expected
    assert bubbles == {}, (
        "edits, revocations and reactions stand with their message, not as bubbles of their own"
    )


def test_files_headers_edits_and_reactions_are_shown_with_their_message(shown: Any) -> None:
    said, bubbles = shown
    markup = {
        name: bubbles[message.pk][1] for name, message in said.items() if message.pk in bubbles
    }
    for name, tag, gone in (
        ("image", "<img ", "image that is not here"),
        ("video", "<video ", "video that is not here"),
        ("audio", "<audio ", "audio out"),
        ("sticker", '<img class="sticker"', "sticker out"),
    ):
        file = said[name].content["id"]
        assert tag in markup[name], name
        assert f"/{file}/" in markup[name], name
        assert tag not in markup[gone], gone
    photo = said["image"].content["id"]
    assert f'src="{reverse("message_thumbnail", args=[photo])}"' in markup["template"], (
        "the picture of its header"
    )
    assert "<strong>new</strong>" in markup["template"]
    assert ">Edited</span>" in markup["edited"]
    assert ">Edited</span>" not in markup["answer"]
    assert '<div class="reactions"><span>🥖</span></div>' in markup["text out"]
    assert "<strong>Rye</strong> <em>or</em> <s>bun</s> <code>2</code>?" in markup["text"]
    assert 'href="https://example.com/rye" rel="noopener noreferrer nofollow"' in markup["text"]
    assert "Message undeliverable" in markup["failed"]


def test_headers_and_buttons_are_read_and_nonsense_is_not() -> None:
    place = {"latitude": 1, "longitude": 2}
    given = {
        "components": [{"type": "header", "parameters": [{"type": "location", "location": place}]}]
    }
    assert header_of("template", given) == ("location", place)
    assert header_of("interactive", {"header": {"type": "video", "video": {"id": "9"}}}) == (
        "video",
        {"id": "9"},
    )
    assert header_of("interactive", {"header": {"type": "text", "text": "Hi"}}) == ("", {})
    for nonsense in (
        {},
        {"components": 1},
        {"components": [{"type": "header", "parameters": [3]}]},
    ):
        assert header_of("template", nonsense) == ("", {})
    sent = [
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": "2",
            "parameters": [{"payload": "stop"}],
        }
    ]
    assert buttons_of(HARVEST, sent) == [
        Button("url", "See it", "https://example.com/rye", "See it"),
        Button("phone_number", "Call us", "+14155550100", "Call us"),
        Button("quick_reply", "No more news", "", "stop"),
    ]
    link = [
        {
            "type": "BUTTONS",
            "buttons": [{"type": "URL", "text": "Go", "url": "https://example.com/{{1}}"}],
        }
    ]
    part = {
        "type": "button",
        "sub_type": "url",
        "index": "0",
        "parameters": [{"type": "text", "text": "rye"}],
    }
    assert [one.target for one in buttons_of(link, [part])] == ["https://example.com/rye"]
    assert buttons_of([], []) == buttons_of([{"type": "BUTTONS", "buttons": 7}], [None]) == []
