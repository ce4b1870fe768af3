"""Files and receipts both ways through an upstream: uploaded once, fetched whole, the token seen
by nobody else.
"""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from core.queue.settle import rerun
from core.tenancy import scope, system
from hosting.cloudapi import webhooks as wire
from hosting.inbound import events, upstream_media
from hosting.media import store as media_store
from hosting.messages import read_receipts
from hosting.messages import send as messages_send
from hosting.models import (
    Conversation,
    Media,
    MediaFetch,
    Message,
    Number,
    Outgoing,
    Receipt,
    UpstreamMedia,
    Webhook,
    WebhookCall,
)
from hosting.transports import cloudapi, receipts
from hosting.webhooks import delivery
from tests.factories import make_business, make_number
from tests.hosting.messages.test_objects import PDF, PNG
from tests.hosting.receivers import Receiver, Taken
from tests.hosting.transports.test_upstream import PHONE, arrive, open_window, reload, say, waiting
from tests.hosting.upstreams import accepted, put_behind, refused


@pytest.fixture(autouse=True)
def _here(settings: Any, tmp_path: Any) -> None:
    settings.ALLOW_PRIVATE_URLS = True
    settings.MEDIA_ROOT = str(tmp_path)


def with_media(taken: Taken) -> tuple[int, bytes]:
    if taken.path.endswith("/media"):
        return 200, b'{"id":"900100"}'
    return (200, b'{"success":true}') if b'"status":"read"' in taken.body else accepted(taken)


@pytest.fixture
def upstream() -> Any:
    with Receiver(answer=with_media) as receiver:
        yield receiver


@pytest.fixture
def number(db: None, upstream: Receiver) -> Number:
    number = make_number(make_business(), digits="15550783881")
    put_behind(number, upstream)
    open_window(number, PHONE)
    return number


def store(number: Number, content: bytes = PNG, mime: str = "image/png") -> Media:
    with scope(number.business_id):
        return media_store.store_media(
            business=number.business, content=content, mime_type=mime, filename="a b.png"
        )


def send(number: Number, kind: str, content: dict[str, Any]) -> Message:
    with scope(number.business_id):
        return messages_send.send_message(
            business=number.business, number=number, to=PHONE, kind=kind, content=content
        )


def rows(model: Any, **which: Any) -> list[Any]:
    with system("test"):
        return list(model.objects.filter(**which).order_by("pk"))


# --- out


def test_a_file_is_uploaded_once_and_sent_by_its_id_there(
    number: Number, upstream: Receiver
) -> None:
    media = store(number)
    first = send(number, "image", {"id": media.media_id, "caption": "c"})
    assert cloudapi.deliver_due() == 1
    uploaded, posted = upstream.taken
    assert (uploaded.path, uploaded.headers["authorization"]) == (
        "/v23.0/5550001/media",
        "Bearer their-token",
    )
    assert uploaded.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert PNG in uploaded.body
    for part in (
        b'name="messaging_product"\r\n\r\nwhatsapp',
        b'name="type"\r\n\r\nimage/png',
        b'name="file"; filename=',
    ):
        assert part in uploaded.body
    assert orjson.loads(posted.body)["image"] == {"id": "900100", "caption": "c"}
    assert reload(first).content["id"] == media.media_id
    send(number, "image", {"id": media.media_id})
    assert cloudapi.deliver_due() == 1
    assert [taken.path for taken in upstream.taken[2:]] == ["/v23.0/5550001/messages"]
    with system("25 days later"):
        UpstreamMedia.objects.update(uploaded_at=timezone.now() - timedelta(days=26))
    send(number, "image", {"id": media.media_id})
    cloudapi.deliver_due()
    assert [taken.path for taken in upstream.taken[3:]] == [
        "/v23.0/5550001/media",
        "/v23.0/5550001/messages",
    ]


def test_a_header_and_a_fetched_link_go_by_id_too(number: Number, upstream: Receiver) -> None:
    media = store(number, PDF, "application/pdf")
    header = {"type": "document", "document": {"id": media.media_id, "filename": "a.pdf"}}
    buttons = [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]
    send(
        number,
        "interactive",
        {"type": "button", "header": header, "body": {"text": "b"}, "action": {"buttons": buttons}},
    )
    cloudapi.deliver_due()
    assert orjson.loads(upstream.taken[1].body)["interactive"]["header"]["document"] == {
        "id": "900100",
        "filename": "a.pdf",
    }
    message = send(number, "image", {"link": "https://example.com/x.png"})
    with system("its link is fetched"):
        held = {"link": "https://example.com/x.png", "id": store(number).media_id}
        Message.objects.filter(pk=message.pk).update(content=held)
        Outgoing.objects.update(state="open")
    cloudapi.deliver_due()
    assert orjson.loads(upstream.taken[-1].body)["image"] == {"id": "900100"}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((503, b"busy"), "open"),
        ((429, b""), "open"),
        ((200, b"{}"), "open"),
        (refused(400, 131053, "too big"), "gone"),
    ],
)
def test_an_upload_that_fails_sends_nothing(
    number: Number, upstream: Receiver, answer: tuple[int, bytes], state: str
) -> None:
    upstream.answer = lambda taken: answer if taken.path.endswith("/media") else accepted(taken)
    message = send(number, "image", {"id": store(number).media_id})
    assert cloudapi.deliver_due() == 1
    assert [taken.path for taken in upstream.taken] == ["/v23.0/5550001/media"]
    events.apply_due()
    if state == "gone":
        assert waiting() == []
        assert (reload(message).status, reload(message).errors[0]["code"]) == ("failed", 131053)
    else:
        assert [row.state for row in waiting()] == ["open"]
    assert rows(UpstreamMedia) == []


def test_a_file_that_was_deleted_meanwhile_fails_its_message(
    number: Number, upstream: Receiver
) -> None:
    media = store(number)
    message = send(number, "image", {"id": media.media_id})
    with scope(number.business_id):
        media_store.delete_media(media)
    assert cloudapi.deliver_due() == 1
    events.apply_due()
    assert upstream.taken == []
    assert (reload(message).status, reload(message).errors[0]["code"]) == ("failed", 131053)


# --- in


def told_of(content: bytes, upstream: Receiver, **changes: Any) -> Any:
    """What the upstream says of a file, and the file itself."""
    named = {
        "id": "77",
        "mime_type": "image/png",
        "sha256": hashlib.sha256(content).hexdigest(),
        "url": upstream.url.replace("/hook", "/file"),
    } | changes
    return lambda taken: (200, content) if taken.path == "/file" else (200, orjson.dumps(named))


def picture(number: Number, wamid: str = "wamid.in") -> None:
    held = {"mime_type": "image/png", "sha256": "S=", "id": "77", "caption": "Taj"}
    raw = {"from": PHONE, "id": wamid, "timestamp": "1749416383", "type": "image", "image": held}
    assert (
        arrive(number, contacts=[wire.contact_object(PHONE, "Sheena", "US.1")], messages=[raw])
        == 200
    )


def test_a_customers_picture_is_fetched_and_its_webhook_waits_for_it(
    number: Number, upstream: Receiver
) -> None:
    upstream.show = told_of(PNG, upstream)
    with Receiver() as business:
        with system("test"):
            Webhook.objects.create(
                business=number.business, account=number.account, url=business.url
            )
        picture(number)
        (media,), (message,) = rows(Media), rows(Message, direction="in")
        assert (media.is_ready, message.content["id"], message.content["caption"]) == (
            False,
            media.media_id,
            "Taj",
        )
        path = media_store.signed_path(media)
        assert (Client().get(path).status_code, delivery.call_due()) == (503, 0)
        assert upstream_media.retrieve_due() == 1
        assert [taken.path for taken in upstream.shown] == [
            "/v23.0/77?phone_number_id=5550001",
            "/file",
        ]
        assert [taken.headers["authorization"] for taken in upstream.shown] == [
            "Bearer their-token"
        ] * 2
        assert delivery.call_due() == 1
    told = business.taken[0].value["messages"][0]["image"]
    assert (told["id"], told["caption"]) == (media.media_id, "Taj")
    assert b"".join(Client().get(path).streaming_content) == PNG  # type: ignore[attr-defined]
    assert rows(MediaFetch) == []
    picture(number)
    assert (len(rows(Media)), rows(MediaFetch)) == (1, [])


def test_the_webhook_is_not_held_for_ever(number: Number, upstream: Receiver) -> None:
    with system("test"):
        Webhook.objects.create(
            business=number.business, account=number.account, url="http://127.0.0.1:9/"
        )
    picture(number)
    (call,) = rows(WebhookCall)
    assert (
        timedelta(0)
        < call.not_before - timezone.now()
        <= timedelta(seconds=upstream_media.HELD_SECONDS)
    )


@pytest.mark.parametrize(
    ("changes", "dead", "says"),
    [
        ({"sha256": "0" * 64}, False, "sha256"),
        ({"sha256": base64.b64encode(hashlib.sha256(PNG).digest()).decode()}, None, ""),
        ({"sha256": ""}, None, ""),
        ({"url": ""}, False, "HTTP 200"),
        ({"url": "ftp://x/"}, False, "http"),
        ({"url": "http://user@127.0.0.1/"}, False, "no user"),
    ],
)
def test_what_cannot_be_trusted_is_not_kept(
    number: Number, upstream: Receiver, changes: dict[str, str], dead: bool | None, says: str
) -> None:
    upstream.show = told_of(PNG, upstream, **changes)
    picture(number)
    assert upstream_media.retrieve_due() == 1
    if dead is None:
        assert rows(Media)[0].is_ready
        return
    (row,) = rows(MediaFetch)
    assert (row.dead_at is not None, says in row.last_error, rows(Media)[0].is_ready) == (
        dead,
        True,
        False,
    )
    assert upstream_media.retrieve_due() == 0


def test_a_file_that_is_gone_is_given_up_and_can_be_asked_for_again(
    number: Number, upstream: Receiver
) -> None:
    upstream.show = lambda taken: refused(404, 803)
    picture(number)
    assert upstream_media.retrieve_due() == 1
    (row,) = rows(MediaFetch)
    assert row.dead_at is not None
    upstream.show = told_of(b"GIF89a strange", upstream, sha256="", mime_type="image/gif")
    with scope(number.business_id):
        assert rerun(upstream_media.QUEUE, [row.pk]) == 1
    assert upstream_media.retrieve_due() == 1
    (media,) = rows(Media)
    # The network let it pass, so it is kept, as bytes that no browser shows.
    assert (media.is_ready, media.mime_type) == (True, "application/octet-stream")
    assert (
        Client().get(media_store.signed_path(media))["Content-Disposition"].startswith("attachment")
    )


def test_an_inner_address_is_never_asked(number: Number, upstream: Receiver, settings: Any) -> None:
    upstream.show = told_of(PNG, upstream)
    picture(number)
    settings.ALLOW_PRIVATE_URLS = False
    assert upstream_media.retrieve_due() == 1
    assert upstream.shown == []
    (row,) = rows(MediaFetch)
    assert row.last_error


@pytest.mark.parametrize(
    ("url", "base", "may"),
    [
        ("https://graph.facebook.com/x", "https://graph.facebook.com/v23.0", True),
        ("https://lookaside.fbsbx.com/x", "https://graph.facebook.com/v23.0", True),
        ("http://lookaside.fbsbx.com/x", "https://graph.facebook.com/v23.0", False),
        ("https://evilfbsbx.com/x", "https://graph.facebook.com/v23.0", False),
        ("https://lookaside.fbsbx.com.evil.example/x", "https://graph.facebook.com/v23.0", False),
        ("https://b.example/media/x", "https://b.example/v23.0", True),
        ("https://b.example:444/media/x", "https://b.example/v23.0", False),
        ("https://s3.example/x", "https://b.example/v23.0", False),
    ],
)
def test_who_may_see_the_token(url: str, base: str, may: bool) -> None:
    assert upstream_media.may_see_token(url, base) is may


def test_another_host_gets_no_token(number: Number, upstream: Receiver) -> None:
    with Receiver(show=lambda taken: (200, PNG)) as elsewhere:
        upstream.show = told_of(PNG, upstream, url=elsewhere.url)
        picture(number)
        assert upstream_media.retrieve_due() == 1
        assert "authorization" not in elsewhere.shown[0].headers
    assert rows(Media)[0].is_ready


# --- receipts


def test_read_receipts_and_typing_are_passed_on(number: Number, upstream: Receiver) -> None:
    picture(number)
    for typing in (False, True):
        with scope(number.business_id):
            read_receipts.mark_message_read(
                business=number.business, number=number, wamid="wamid.in", is_typing=typing
            )
        assert receipts.pass_due() == 1
    bodies = [orjson.loads(taken.body) for taken in upstream.taken]
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.in"}
    assert bodies == [read, read | {"typing_indicator": {"type": "text"}}]
    assert (upstream.taken[0].path, rows(Receipt)) == ("/v23.0/5550001/messages", [])


def test_a_member_who_looks_sends_one_receipt_for_the_latest(
    number: Number, upstream: Receiver
) -> None:
    for n in range(3):
        picture(number, f"wamid.{n}")
    for _ in range(2):
        with scope(number.business_id):
            read_receipts.mark_conversation_read(
                Conversation.objects.select_related("number").get()
            )
    receipts.pass_due()
    assert [orjson.loads(taken.body)["message_id"] for taken in upstream.taken] == ["wamid.2"]


def test_receipts_are_tried_again_and_not_for_ever(number: Number, upstream: Receiver) -> None:
    picture(number)
    upstream.answer = lambda taken: (503, b"")
    with scope(number.business_id):
        read_receipts.mark_message_read(
            business=number.business, number=number, wamid="wamid.in", is_typing=True
        )
        Receipt.objects.update(created_at=timezone.now() - timedelta(seconds=30))
    for attempt in range(1, 6):
        assert receipts.pass_due() == 1
        # An indicator that comes half a minute late would be a lie.
        assert "typing_indicator" not in orjson.loads(upstream.taken[-1].body)
        (row,) = rows(Receipt)
        assert (row.attempts, row.dead_at is not None) == (attempt, attempt == 5)
        assert receipts.pass_due() == 0
        with system("time passes"):
            Receipt.objects.update(not_before=timezone.now() - timedelta(seconds=1))


def test_the_sandbox_has_no_upstream_to_tell(db: None) -> None:
    from tests.hosting.messages.test_endpoints import caller, write

    number = make_number(make_business())
    wamid = write(number)
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    path = f"/v23.0/{number.phone_number_id}/messages"
    assert (
        caller(number).post(path, orjson.dumps(read), content_type="application/json").status_code
        == 200
    )
    assert rows(Receipt) == []


def test_a_text_still_leaves_as_before(number: Number, upstream: Receiver) -> None:
    say(number, "Hello")
    assert cloudapi.deliver_due() == 1
    assert [taken.path for taken in upstream.taken] == ["/v23.0/5550001/messages"]
