"""Templates, profiles, links, blocked customers and accounts by the Cloud API."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from core.tenancy import system
from hosting import extensions
from hosting.inbound import events as inbound_events
from hosting.models import Event, Message, Number, Template
from hosting.transports import sandbox
from tests.factories import make_business, make_number, make_template
from tests.hosting.messages.test_endpoints import NOON, TO, caller, code_of, post, write
from tests.hosting.messages.test_objects import ask, number

# Fixtures.
__all__ = ["number"]


def body(text: str, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "BODY", "text": text} | more]


def create(number: Number, **changes: Any) -> Any:
    held = {
        "name": "hello",
        "language": "en_US",
        "category": "UTILITY",
        "components": body("Order {{1}} shipped"),
    }
    return caller(number).post(
        f"/v23.0/{number.account.waba_id}/message_templates",
        orjson.dumps(held | changes),
        content_type="application/json",
    )


def test_a_template_lives_from_creation_to_deletion(number: Number) -> None:
    client, edge = caller(number), f"/v23.0/{number.account.waba_id}/message_templates"
    made = orjson.loads(create(number).content)
    assert (made["status"], made["category"]) == ("APPROVED", "UTILITY")
    assert code_of(create(number)) == (400, 2388023)
    listed = orjson.loads(client.get(edge).content)
    assert [row["name"] for row in listed["data"]] == ["hello"]
    assert listed["summary"]["total_count"] == 1
    change = orjson.dumps({"components": body("Order {{1}} is on its way")})
    assert orjson.loads(
        client.post(f"/v23.0/{made['id']}", change, content_type="application/json").content
    ) == {"success": True}
    assert orjson.loads(client.get(f"/v23.0/{made['id']}").content)["components"] == body(
        "Order {{1}} is on its way"
    )
    assert orjson.loads(client.delete(f"{edge}?name=hello").content) == {"success": True}
    assert code_of(client.delete(f"{edge}?name=hello")) == (404, 2593002)
    assert orjson.loads(client.get(edge).content)["data"] == []
    assert create(number).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "Upper Case"}, 100),
        ({"language": "english"}, 100),
        ({"category": "NEWS"}, 131009),
        ({"components": None}, 131008),
        ({"components": [{"type": "FOOTER", "text": "f"}]}, 2388072),
        ({"components": body("x" * 1025)}, 2388040),
        ({"components": body("{{1}} is first")}, 2388299),
        ({"components": body("last is {{1}}.")}, 2388299),
        ({"components": body("a {{1}} {{2}} {{3}} b")}, 2388293),
        ({"components": body("a {{2}} has a gap here")}, 2388072),
        ({"components": body("a {{1}} b", example={"body_text": [["x", "y"]]})}, 2388072),
        (
            {"components": [*body("a"), {"type": "HEADER", "format": "TEXT", "text": "*bold*"}]},
            2388047,
        ),
        ({"components": [*body("a"), {"type": "HEADER", "format": "GIF"}]}, 2388047),
        ({"components": [*body("a"), {"type": "FOOTER", "text": "f {{1}}"}]}, 2388073),
        ({"components": [*body("a"), {"type": "FOOTER", "text": "f" * 61}]}, 2388040),
        (
            {
                "components": [
                    *body("a"),
                    {
                        "type": "BUTTONS",
                        "buttons": [{"type": "URL", "text": "t", "url": "ftp://x"}],
                    },
                ]
            },
            131009,
        ),
        ({"components": [*body("a"), *body("b")]}, 100),
    ],
)
def test_templates_outside_the_limits_are_refused_by_code(
    number: Number, changes: dict[str, Any], code: int
) -> None:
    assert code_of(create(number, **changes)) == (400, code)
    with system("test"):
        assert not Template.objects.exists()


def test_the_250th_template_is_the_last(number: Number) -> None:
    with system("test"):
        Template.objects.bulk_create(
            Template(
                business=number.business,
                account=number.account,
                name=f"t{n}",
                language="en",
                category="utility",
            )
            for n in range(249)
        )
    assert create(number).status_code == 200
    assert code_of(create(number, name="one_more")) == (400, 2388019)


def test_a_template_under_review_is_locked_and_a_one_time_password_has_its_own_words(
    number: Number,
) -> None:
    pending = make_template(number, "pending", status="PENDING")
    client = caller(number)
    assert code_of(
        client.post(f"/v23.0/{pending.template_id}", b"{}", content_type="application/json")
    ) == (
        400,
        2388039,
    )
    parts = [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 5},
    ]
    made = orjson.loads(
        create(number, name="otp", category="AUTHENTICATION", components=parts).content
    )
    shown = orjson.loads(client.get(f"/v23.0/{made['id']}").content)["components"]
    assert [part["text"] for part in shown] == [
        "{{1}} is your verification code. For your security, do not share this code.",
        "This code expires in 5 minutes.",
    ]
    assert orjson.loads(create(number, name="please_reject").content)["status"] == "REJECTED"


def test_profile_and_commerce_settings(number: Number) -> None:
    given = {
        "messaging_product": "whatsapp",
        "about": "hi",
        "websites": ["https://a.b/"],
        "vertical": "RETAIL",
    }
    assert ask(number, "POST", "whatsapp_business_profile", given) == (200, {"success": True})
    row = ask(number, "GET", "whatsapp_business_profile?fields=about,websites")[1]["data"][0]
    assert (row["about"], row["business_profile"]["websites"], "vertical" in row) == (
        "hi",
        ["https://a.b/"],
        False,
    )
    for wrong in (
        {"about": "x" * 140},
        {"about": ""},
        {"websites": ["https://a"] * 3},
        {"websites": ["javascript:1"]},
        {"vertical": "x"},
    ):
        assert ask(number, "POST", "whatsapp_business_profile", wrong)[0] == 400
    assert ask(number, "POST", "whatsapp_commerce_settings?is_cart_enabled=false") == (
        200,
        {"success": True},
    )
    assert ask(number, "GET", "whatsapp_commerce_settings")[1]["data"][0] == {
        "id": number.phone_number_id,
        "is_cart_enabled": False,
        "is_catalog_visible": False,
    }


def test_the_blocked_are_not_written_to(number: Number) -> None:
    write(number)
    users = {"messaging_product": "whatsapp", "block_users": [{"user": f"+{TO}"}]}
    assert ask(number, "POST", "block_users", users)[1]["block_users"] == {
        "added_users": [{"input": f"+{TO}", "wa_id": TO}]
    }
    assert code_of(post(caller(number), number)) == (400, 130403)
    write(number, "let me in")
    with system("test"):
        assert (Message.objects.count(), Event.objects.count()) == (1, 2)
    assert [row["wa_id"] for row in ask(number, "GET", "block_users")[1]["data"]] == [TO]
    assert ask(number, "DELETE", "block_users", users)[0] == 200
    assert post(caller(number), number).status_code == 200


def test_chat_links(number: Number) -> None:
    made = ask(number, "POST", "message_qrdls", {"prefilled_message": "Hello"})[1]
    assert made["deep_link_url"] == f"https://wa.me/message/{made['code']}"
    ask(number, "POST", "message_qrdls", {"prefilled_message": "Bye", "code": made["code"]})
    assert (
        ask(number, "GET", f"message_qrdls/{made['code']}")[1]["data"][0]["prefilled_message"]
        == "Bye"
    )
    assert ask(number, "DELETE", f"message_qrdls/{made['code']}") == (200, {"success": True})
    assert ask(number, "DELETE", f"message_qrdls/{made['code']}")[0] == 404


def test_a_number_that_is_not_registered_sends_nothing(number: Number) -> None:
    write(number)
    assert ask(number, "POST", "deregister")[0] == 200
    assert code_of(post(caller(number), number)) == (400, 133010)
    assert (
        ask(number, "POST", "register", {"messaging_product": "whatsapp", "pin": "12345"})[0] == 400
    )
    assert (
        ask(number, "POST", "register", {"messaging_product": "whatsapp", "pin": "123456"})[0]
        == 200
    )
    assert ask(number, "POST", "register", {"pin": "654321"})[1]["error"]["code"] == 133005
    assert post(caller(number), number).status_code == 200
    assert ask(number, "POST", "request_code?code_method=SMS&language=en")[0] == 200
    assert ask(number, "POST", "verify_code?code=000")[1]["error"]["code"] == 136025
    assert ask(number, "POST", f"verify_code?code={number.digits[-6:]}")[0] == 200


def test_account_accounts_history_and_analytics(number: Number) -> None:
    write(number)
    wamid = orjson.loads(post(caller(number), number).content)["messages"][0]["id"]
    sandbox.deliver_due()
    inbound_events.apply_due()
    events = ask(number, "GET", f"message_history?message_id={wamid}")[1]["data"][0]["events"][
        "data"
    ]
    assert [event["delivery_status"] for event in events] == ["ACCEPTED", "SENT", "DELIVERED"]
    client, waba = caller(number), number.account.waba_id
    start, end = (
        int((NOON - timedelta(days=1)).timestamp()),
        int((NOON + timedelta(days=1)).timestamp()),
    )
    analytics = f'start({start}).end({end}).granularity(DAY).phone_numbers(["{number.digits}"])'
    asked = f"/v23.0/{waba}?fields=name,analytics.{analytics}"
    found = orjson.loads(client.get(asked).content)
    day = int(NOON.replace(hour=0).timestamp())
    assert found["name"] == "Bakery"
    assert found["analytics"]["data_points"] == [
        {"start": day, "end": day + 86400, "sent": 1, "delivered": 1}
    ]
    edge = orjson.loads(
        client.get(
            f"/v23.0/{waba}/conversation_analytics?start={start}&end={end}&granularity=DAILY"
        ).content
    )
    assert edge["data"][0]["data_points"][0]["conversation_category"] == "SERVICE"
    assert code_of(client.get(f"/v23.0/{waba}/analytics?start=1&end=0")) == (400, 100)
    owned = orjson.loads(
        client.get(f"/v23.0/{number.business_id}/owned_whatsapp_business_accounts").content
    )
    assert [row["id"] for row in owned["data"]] == [waba]


@pytest.fixture
def added_edge() -> Iterator[None]:
    edge = extensions.AccountEdge(
        "template_analytics", lambda account, given: {"asked": given["dimensions"]}
    )
    extensions.account_edges.register(edge)
    yield
    extensions.account_edges.unregister(edge)


def test_other_apps_add_analytics(number: Number, added_edge: None) -> None:
    fields = "template_analytics.start(1).end(2).dimensions(PHONE,TIER)"
    asked = f"/v23.0/{number.account.waba_id}?fields={fields}"
    assert orjson.loads(caller(number).get(asked).content)["template_analytics"] == {
        "asked": ["PHONE", "TIER"]
    }


def test_strangers_find_nothing_behind_any_edge(number: Number) -> None:
    stranger = caller(make_number(make_business("Stranger")))
    template = make_template(number)
    edges = (
        "media whatsapp_business_profile whatsapp_commerce_settings block_users message_qrdls "
        "register deregister request_code verify_code message_history"
    )
    paths = [f"/v23.0/{number.phone_number_id}/{edge}" for edge in edges.split()]
    paths += [
        f"/v23.0/{number.account.waba_id}/{edge}"
        for edge in ("analytics", "message_templates", "phone_numbers")
    ]
    paths += [
        f"/v23.0/{one}"
        for one in (template.template_id, number.account.waba_id, number.phone_number_id)
    ]
    paths += [f"/v23.0/{number.business_id}/owned_whatsapp_business_accounts"]
    for path in paths:
        codes = {code_of(ask(path)) for ask in (stranger.get, stranger.post, stranger.delete)}
        # Either the method is not there for anybody, or the object is not there for them.
        assert codes <= {(404, 803), (400, 100)}, path
        assert (404, 803) in codes, path


def test_a_numbers_own_webhook_is_refused_where_it_may_not_go(number: Number) -> None:
    path = f"/v23.0/{number.phone_number_id}"
    for url in ("http://127.0.0.1/in", "http://169.254.169.254/", "file:///etc/passwd"):
        held = {"webhook_configuration": {"override_callback_uri": url, "verify_token": "t"}}
        response = caller(number).post(path, orjson.dumps(held), content_type="application/json")
        assert 400 <= response.status_code < 500, response.content
