"""The REST API of what is hosted: lists, filters and pages, sending, contacts, search, media,
webhooks.
"""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from accounts.models import Business
from core.tenancy import system
from hosting.models import (
    Contact,
    Conversation,
    Media,
    Message,
    Number,
    Outgoing,
    Webhook,
    WebhookCall,
)
from tests.factories import make_business, make_key, make_number
from tests.hosting.search.test_engine import START, say

pytestmark = pytest.mark.django_db


class Api:
    """The REST API as one key sees it."""

    def __init__(self, business: Business, **key: Any) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {make_key(business, **key)}"})

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = json.dumps(body) if body is not None else ""
        response = self.client.generic(
            method, f"/api/v1/{path}", data, "application/json", headers=headers
        )
        return response.status_code, response.json() if response.content else None

    def get(self, path: str) -> Any:
        status, body = self.ask("GET", path)
        assert status == 200, body
        return body

    def all(self, path: str) -> list[Any]:
        """Every row of a list, page by page."""
        rows: list[Any] = []
        after = ""
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=2&after={after}")
            rows += page["data"]
            if page["next"] is None:
                return rows
            after = page["next"]


@pytest.fixture
def number() -> Number:
    return make_number(make_business())


@pytest.fixture
def api(number: Number) -> Api:
    return Api(number.business)


def open_window(number: Number) -> Message:
    (message,) = say(number, "hello")
    with system("test"):
        Conversation.objects.update(last_inbound_at=number.business.now())
    return message


def test_conversations_are_listed_filtered_and_changed(number: Number, api: Api) -> None:
    for n in range(5):
        say(number, f"hello {n}", to=f"49151000000{n}", at=START + timedelta(hours=n))
    with system("test"):
        for n, thread in enumerate(Conversation.objects.order_by("id")):
            Conversation.objects.filter(pk=thread.pk).update(
                last_message_at=START + timedelta(hours=n % 3),
                unread_count=n % 2,
                is_resolved=n == 4,
            )
        expected = [
            str(t.public_id) for t in Conversation.objects.order_by("-last_message_at", "-id")
        ]
    make_number(make_business("Other"))
    assert [row["id"] for row in api.all("conversations/")] == expected
    assert [
        row["contact"]["wa_id"] for row in api.get("conversations/?contact=491510000003")["data"]
    ] == ["491510000003"]
    assert len(api.get("conversations/?unread=true")["data"]) == 2
    assert len(api.get("conversations/?is_resolved=false")["data"]) == 4
    assert len(api.get(f"conversations/?number={number.phone_number_id}")["data"]) == 5
    status, body = api.ask(
        "PATCH", f"conversations/{expected[0]}/", {"is_resolved": True, "read": True}
    )
    assert (status, body["is_resolved"], body["unread_count"]) == (200, True, 0)
    reading = Api(number.business, scopes=["read"])
    assert reading.ask("PATCH", f"conversations/{expected[0]}/", {"is_resolved": False})[0] == 403
    assert reading.get(f"conversations/{expected[0]}/")["is_resolved"] is True


def test_messages_are_listed_by_time_and_filtered(number: Number, api: Api) -> None:
    messages = say(number, "one", "two", "three", to="491511111111")
    (photo,) = say(number, "photo", kind="image", to="491512222222", at=START + timedelta(days=2))
    say(make_number(make_business("Other")), "foreign")
    newest = [photo.pk, *(message.pk for message in reversed(messages))]
    assert [row["id"] for row in api.all("messages/")] == newest
    assert [row["id"] for row in api.all("messages/?contact=491511111111")] == newest[1:]
    assert [row["text"] for row in api.get("messages/?kind=image")["data"]] == ["photo"]
    assert [row["text"] for row in api.get("messages/?since=2026-05-02")["data"]] == ["photo"]
    assert [row["text"] for row in api.get("messages/?until=2026-05-01&direction=in")["data"]] == [
        "three",
        "two",
        "one",
    ]
    assert api.get("messages/?until=2026-05-01T12:01:00Z")["data"][0]["text"] == "one"
    thread = api.get(f"messages/{photo.pk}/")["conversation"]
    assert [row["id"] for row in api.all(f"conversations/{thread}/messages/")] == [photo.pk]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=x", "since"),
        ("until=2026-13-01", "until"),
        ("since=2026-05-01T12:00:00", "since"),
        ("number=9", "number"),
        ("contact=9", "contact"),
        ("direction=up", "direction"),
        ("status=gone", "status"),
        ("kind=a'b", "kind"),
    ],
)
def test_filters_that_mean_nothing_are_refused_by_name(api: Api, query: str, field: str) -> None:
    status, body = api.ask("GET", f"messages/?{query}")
    assert (status, body["error"]["field"]) == (400, field)


def test_a_message_is_sent_by_the_same_rules_as_at_the_cloud_api(number: Number, api: Api) -> None:
    open_window(number)
    body = {
        "from": number.phone_number_id,
        "to": "+1 415 555 0100",
        "type": "text",
        "text": {"body": "Ready!"},
    }
    status, sent = api.ask("POST", "messages/", body)
    assert (status, sent["text"], sent["status"], sent["contact"]) == (
        201,
        "Ready!",
        "accepted",
        "14155550100",
    )
    with system("test"):
        assert Outgoing.objects.get().message_id == sent["id"]
    bodies: list[tuple[dict[str, Any], str]] = [
        ({"from": "1"}, "from"),
        ({"from": ""}, "from"),
        ({"to": "x"}, "to"),
        ({"text": {}}, "text.body"),
        ({"type": "pigeon"}, "type"),
    ]
    for wrong, field in bodies:
        status, refusal = api.ask("POST", "messages/", body | wrong)
        assert (status, refusal["error"]["field"]) == (400, field), wrong
    status, refusal = api.ask("POST", "messages/", body | {"to": "14155550199"})
    assert (status, refusal["error"]["code"]) == (400, "cloudapi_131047")
    with system("test"):
        assert Outgoing.objects.count() == 1
        assert not Contact.objects.filter(wa_id="14155550199").exists()


def test_the_same_idempotency_key_sends_once(number: Number, api: Api) -> None:
    open_window(number)
    body = {"from": number.phone_number_id, "to": "14155550100", "text": {"body": "Ready!"}}
    first = api.ask("POST", "messages/", body, **{"Idempotency-Key": "a"})
    again = api.ask("POST", "messages/", body, **{"Idempotency-Key": "a"})
    assert (first[0], again) == (201, first)
    status, refusal = api.ask(
        "POST", "messages/", body | {"to": "14155550101"}, **{"Idempotency-Key": "a"}
    )
    assert (status, refusal["error"]["field"]) == (400, "Idempotency-Key")
    with system("test"):
        assert Message.objects.filter(direction="out").count() == 1


def test_reading_and_sending_are_two_scopes(number: Number) -> None:
    body = {"from": number.phone_number_id, "to": "14155550100", "text": {"body": "x"}}
    assert Api(number.business, scopes=["read"]).ask("POST", "messages/", body)[0] == 403
    assert Api(number.business, scopes=["messages"]).ask("GET", "messages/")[0] == 403


def test_a_body_that_is_no_object_or_too_deep_is_refused(api: Api) -> None:
    for raw in (
        "[]",
        "{",
        "[" * 5000,
        '{"a":' * 200 + "1" + "}" * 200,
        '"\\u0000"',
        '{"from": "\\u0000"}',
        "\xff",
    ):
        response = api.client.post("/api/v1/messages/", raw, "application/json")
        assert response.status_code == 400, raw[:20]
        assert response.json()["error"]["message"]


def test_contacts_are_found_named_and_merged(number: Number, api: Api) -> None:
    say(number, "from the old phone", to="491511111111")
    say(number, "from the new phone", to="491512222222", at=START + timedelta(days=1))
    say(make_number(make_business("Other")), "x", to="491513333333")
    with system("test"):
        Contact.objects.filter(wa_id="491511111111").update(name="Ann Müller")
        foreign = Contact.objects.get(wa_id="491513333333").pk
    new, old = (row["id"] for row in api.all("contacts/"))
    assert [row["id"] for row in api.get("contacts/?q=müll")["data"]] == [old]
    assert [row["id"] for row in api.get("contacts/?q=%2B491512")["data"]] == [new]
    status, body = api.ask("PATCH", f"contacts/{new}/", {"alias": "Ann (new phone)"})
    assert (status, body["alias"], body["name"]) == (200, "Ann (new phone)", "")
    for into, expected in ((old, 400), (foreign, 404), (2**62, 404)):
        assert api.ask("POST", f"contacts/{old}/merge/", {"into": into})[0] == expected
    status, merged = api.ask("POST", f"contacts/{old}/merge/", {"into": new})
    assert (status, merged["id"], merged["name"], merged["alias"]) == (
        200,
        new,
        "Ann Müller",
        "Ann (new phone)",
    )
    assert api.ask("GET", f"contacts/{old}/")[0] == 404
    assert [row["text"] for row in api.all("messages/?contact=491512222222")] == [
        "from the new phone",
        "from the old phone",
    ]
    found = api.get("search/?q=phone&contact=491512222222")["data"]
    assert len(found) == 2


def test_search_pages_and_says_where_the_words_are(number: Number, api: Api) -> None:
    messages = say(number, *(f"the apple {n}" for n in range(5)))
    hits = api.all("search/?q=apple")
    assert [hit["message"]["id"] for hit in hits] == [message.pk for message in reversed(messages)]
    assert hits[0]["spans"] == [[4, 9]]
    assert api.ask("GET", "search/?q=...")[1]["error"]["field"] == "q"
    assert api.ask("GET", "search/?q=apple&after=x")[1]["error"]["field"] == "after"
    assert Api(number.business, scopes=["messages"]).ask("GET", "search/?q=apple")[0] == 403


def picture() -> BytesIO:
    held = BytesIO()
    Image.new("RGB", (8, 8), "red").save(held, "PNG")
    held.seek(0)
    held.name = "red.png"
    return held


def test_files_are_uploaded_listed_read_and_let_go(number: Number, api: Api) -> None:
    response = api.client.post("/api/v1/media/", {"file": picture(), "type": "image/png"})
    media = response.json()
    assert (response.status_code, media["mime_type"], media["filename"]) == (
        201,
        "image/png",
        "red.png",
    )
    assert [row["id"] for row in api.all("media/")] == [media["id"]]
    content = b"".join(Client().get("/media/" + media["url"].split("/media/")[1]))
    assert content == picture().getvalue()
    assert api.ask("DELETE", f"media/{media['id']}/")[0] == 204
    assert api.ask("GET", f"media/{media['id']}/")[0] == 404
    assert api.get("media/")["data"] == []
    assert (
        api.client.post("/api/v1/media/", {"type": "image/png"}).json()["error"]["field"] == "file"
    )
    with system("test"):
        assert Media.objects.get().deleted_at is not None


def test_webhooks_are_listed_switched_replayed_and_removed(number: Number, api: Api) -> None:
    with system("test"):
        webhook = Webhook.objects.create(
            business=number.business, account=number.account, url="https://a.example/"
        )
        call = WebhookCall.objects.create(
            business=number.business,
            webhook=webhook,
            field="messages",
            body=b'{"a": 1}',
            state="dead",
            response_status=500,
            response_body=b"oops",
        )
    (row,) = api.all("webhooks/")
    assert (row["url"], row["account"], row["events"][0]) == (
        webhook.url,
        number.account.waba_id,
        "messages",
    )
    assert api.ask("PATCH", f"webhooks/{row['id']}/", {"is_active": False})[1]["is_active"] is False
    (delivery,) = api.all(f"webhook-deliveries/?webhook={row['id']}&state=dead")
    detail = api.get(f"webhook-deliveries/{delivery['id']}/")
    assert (detail["body"], detail["response"], detail["response_status"]) == (
        {"a": 1},
        "oops",
        500,
    )
    status, again = api.ask("POST", f"webhook-deliveries/{delivery['id']}/replay/")
    assert (status, again["replay_of"], again["state"]) == (201, str(call.public_id), "open")
    assert api.ask("DELETE", f"webhooks/{row['id']}/")[0] == 204
    assert api.all("webhooks/") == []
    assert len(api.all("webhook-deliveries/")) == 2
    assert Api(number.business, scopes=["read"]).ask("GET", "webhooks/")[0] == 403


def test_a_webhook_that_fails_the_challenge_is_not_kept(number: Number, api: Api) -> None:
    wanted = {"url": "http://127.0.0.1:9/hook", "verify_token": "x"}
    status, body = api.ask("POST", "webhooks/", wanted)
    assert (status, body["error"]["code"]) == (400, "webhook_refused")
    assert api.ask("POST", "webhooks/", {"url": "nothing"})[1]["error"]["field"] == "url"
    assert api.ask("POST", "webhooks/", wanted | {"account": "1"})[1]["error"]["field"] == "account"
    with system("test"):
        assert not Webhook.objects.exists()


def test_foreign_things_are_not_found(number: Number) -> None:
    (message,) = say(number, "mine")
    with system("test"):
        thread = Conversation.objects.get()
    stranger = Api(make_business("Other"))
    for path in (
        f"messages/{message.pk}/",
        f"conversations/{thread.public_id}/",
        f"contacts/{thread.contact_id}/",
        f"conversations/{thread.public_id}/messages/",
        f"contacts/{thread.contact_id}/data/",
    ):
        assert stranger.ask("GET", path)[0] == 404, path
    assert stranger.ask("DELETE", f"contacts/{thread.contact_id}/")[0] == 404
    for path in ("messages/", "conversations/", "contacts/", "search/?q=mine"):
        assert stranger.get(path)["data"] == []


def test_a_page_takes_a_fixed_number_of_queries(
    number: Number, api: Api, django_assert_max_num_queries: Any
) -> None:
    for n in range(12):
        say(number, "apple", "pear", to=f"4915100000{n:02}")
    for path in (
        "messages/",
        "conversations/",
        "contacts/",
        "media/",
        "webhook-deliveries/",
        "webhooks/",
    ):
        with django_assert_max_num_queries(6):
            api.get(path)
    with django_assert_max_num_queries(19):
        api.get("search/?q=apple")
