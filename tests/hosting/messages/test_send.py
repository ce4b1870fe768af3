"""Every kind of message can be sent; what is outside the protocol's limits is refused by code,
field and limit.
"""

from typing import Any

import orjson
import pytest
from django.test import Client

from core.tenancy import scope, system
from hosting.inbound import events
from hosting.messages.edits import reactions_to
from hosting.models import Contact, Flow, Message, Outgoing, SimulatedPhone
from hosting.transports import sandbox
from tests.factories import make_business, make_key, make_number, make_template
from tests.hosting.bodies import REFUSED, SENDS

TO = "16505551234"


class Line:
    """A business's number, a customer who has written to it, and a client with a key."""

    def __init__(self) -> None:
        self.business = make_business()
        self.number = make_number(self.business)
        self.client = Client(headers={"Authorization": f"Bearer {make_key(self.business)}"})
        with system("test"):
            self.phone = SimulatedPhone.objects.create(
                business=self.business, wa_id=TO, name="Sheena"
            )
            self.inbound = sandbox.write(
                simulated_phone=self.phone, number=self.number, text="hello"
            )
        assert events.apply_due() == 1

    def post(self, body: dict[str, Any]) -> tuple[int, Any]:
        body = {"messaging_product": "whatsapp", "to": TO} | body
        response = self.client.post(
            f"/v23.0/{self.number.phone_number_id}/messages",
            orjson.dumps(body),
            content_type="application/json",
        )
        return response.status_code, orjson.loads(response.content)

    def send(self, body: dict[str, Any]) -> Message:
        status, reply = self.post(body)
        assert status == 200, reply
        with system("test"):
            return Message.objects.get(wamid=reply["messages"][0]["id"])

    def refused(self, body: dict[str, Any]) -> tuple[int, str]:
        """Code and details of the refusal; nothing was written."""
        status, reply = self.post(body)
        assert 400 <= status < 500, (status, reply)
        with system("test"):
            assert not Message.objects.filter(direction="out").exists()
            assert not Outgoing.objects.exists()
        return reply["error"]["code"], reply["error"]["error_data"]["details"]


@pytest.fixture
def line(db: None) -> Line:
    return Line()


@pytest.mark.parametrize(("body", "text"), SENDS)
def test_every_kind_is_accepted_and_readable(line: Line, body: dict[str, Any], text: str) -> None:
    with system("test"):
        Flow.objects.create(
            business=line.business, account=line.number.account, flow_id="1", name="flow",
            categories=["OTHER"], status="PUBLISHED", source='{"screens": [{"id": "S"}]}',
        )  # fmt: skip
    message = line.send(body)
    assert (message.kind, message.text, message.status) == (
        body.get("type", "text").lower(),
        text,
        "accepted",
    )
    assert None not in message.content.values()


@pytest.mark.parametrize(("body", "code", "says"), REFUSED)
def test_what_is_outside_the_limits_is_refused_by_name(
    line: Line, body: dict[str, Any], code: int, says: str
) -> None:
    found, details = line.refused(body)
    assert (found, says in details) == (code, True), details


def test_a_reaction_stands_beside_its_message_and_goes_with_an_empty_emoji(line: Line) -> None:
    line.send({"type": "reaction", "reaction": {"message_id": line.inbound, "emoji": "👍"}})
    with scope(line.business.pk):
        assert reactions_to(number_id=line.number.pk, wamids=[line.inbound]) == {
            line.inbound: {"out": "👍"}
        }
    line.send({"type": "reaction", "reaction": {"message_id": line.inbound, "emoji": ""}})
    with scope(line.business.pk):
        assert reactions_to(number_id=line.number.pk, wamids=[line.inbound]) == {}


def test_a_customer_can_be_named_by_user_id_alone(line: Line) -> None:
    with scope(line.business.pk):
        user_id = Contact.objects.get(wa_id=TO).user_id
    status, reply = line.post({"to": None, "recipient": user_id, "text": {"body": "x"}})
    assert (status, reply["contacts"]) == (
        200,
        [{"input": user_id, "wa_id": TO, "user_id": user_id}],
    )
    # Where both are given, the number wins.
    status, reply = line.post({"recipient": "US.1", "text": {"body": "x"}})
    assert (status, reply["contacts"]) == (200, [{"input": TO, "wa_id": TO}])


def test_a_reply_keeps_its_context_also_when_the_message_is_not_known(line: Line) -> None:
    for context in (line.inbound, "wamid.of-another-time"):
        message = line.send({"text": {"body": "x"}, "context": {"message_id": context}})
        assert message.context_wamid == context


def test_read_receipts_and_typing(line: Line) -> None:
    body = {
        "to": None,
        "status": "read",
        "message_id": line.inbound,
        "typing_indicator": {"type": "text"},
    }
    assert line.post(body) == (200, {"success": True})
    assert line.refused(body | {"message_id": "wamid.none"})[0] == 131009
    assert line.refused(body | {"status": "seen"})[0] == 131009
    assert line.refused(body | {"typing_indicator": {"type": "x"}})[0] == 131009


MENU = [
    {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
    {"type": "BODY", "text": "{{1}}, it costs {{2}} on {{3}}"},
    {"type": "FOOTER", "text": "Thanks"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Stop"},
            {"type": "URL", "text": "Track", "url": "https://example.com/{{1}}"},
            {"type": "COPY_CODE", "example": "X"},
        ],
    },
]


def components(**changes: Any) -> list[dict[str, Any]]:
    given: dict[str, dict[str, Any]] = {
        "header": {"type": "HEADER", "parameters": [{"type": "text", "text": 7}]},
        "body": {
            "type": "Body",
            "parameters": [
                {"type": "text", "text": "Ann"},
                {
                    "type": "currency",
                    "currency": {"fallback_value": "$5.00", "code": "USD", "amount_1000": 5000},
                },
                {"type": "date_time", "date_time": {"fallback_value": "May 1"}},
            ],
        },
        "b0": {
            "type": "button",
            "sub_type": "QUICK_REPLY",
            "index": 0,
            "parameters": [{"type": "payload", "payload": "s"}],
        },
        "b1": {
            "type": "button",
            "sub_type": "url",
            "index": "1",
            "parameters": [{"type": "text", "text": "t7"}],
        },
        "b2": {
            "type": "button",
            "sub_type": "copy_code",
            "index": "2",
            "parameters": [{"type": "coupon_code", "coupon_code": "SAVE"}],
        },
    }
    return [part for part in (given | changes).values() if part]


def template(name: str, given: Any = None) -> dict[str, Any]:
    held = {
        "name": name,
        "language": {"code": "en_US", "policy": "deterministic"},
        "components": given,
    }
    return {"type": "template", "template": held}


def test_a_template_is_filled_with_every_kind_of_parameter(line: Line) -> None:
    make_template(line.number, "order_menu", components=MENU)
    message = line.send(template("order_menu", components()))
    assert (message.text, message.category) == (
        "Order 7\nAnn, it costs $5.00 on May 1\nThanks",
        "utility",
    )
    assert [part["type"] for part in message.content["components"]] == [
        "header",
        "body",
        "button",
        "button",
        "button",
    ]


@pytest.mark.parametrize("given", [None, []])
def test_a_template_without_variables_needs_no_components(line: Line, given: Any) -> None:
    make_template(line.number, "hello_world", components=[{"type": "body", "text": "Hello"}])
    assert line.send(template("hello_world", given)).text == "Hello"


def test_named_parameters_and_media_headers(line: Line) -> None:
    parts = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hi {{name}}"}]
    make_template(line.number, "named", components=parts)
    body = {
        "type": "body",
        "parameters": [{"type": "text", "parameter_name": "name", "text": "Ann"}],
    }
    header = {
        "type": "header",
        "parameters": [{"type": "image", "image": {"link": "https://example.com/x.png"}}],
    }
    assert line.send(template("named", [header, body])).text == "Hi Ann"


def _body(*parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "body", "parameters": list(parameters)}


TEXT = {"type": "text", "text": "x"}


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (
            components(body=None),
            132000,
            "body: number of parameters (0) does not match the expected number (3)",
        ),
        (components(body=_body(TEXT, TEXT)), 132000, "(2) does not match the expected number (3)"),
        (components(header=None), 132000, "header: number of parameters (0)"),
        (components(b1=None), 131008, "button 1: its URL has a variable"),
        (
            components(b0={"type": "button", "sub_type": "url", "index": 0, "parameters": [TEXT]}),
            132012,
            "button 0",
        ),
        (
            components(b0={"type": "button", "sub_type": "url", "index": 7, "parameters": [TEXT]}),
            132012,
            "has 3 buttons",
        ),
        (
            components(body=_body(TEXT, TEXT, {"type": "image", "image": {"id": "1"}})),
            132012,
            "received image",
        ),
        (components(body=_body(TEXT, TEXT, TEXT | {"text": "a\nb"})), 132007, "line break"),
        (components(body=_body(TEXT, TEXT, TEXT | {"text": "x" * 1020})), 132005, "1024"),
        (components(body=_body(TEXT, TEXT, TEXT | {"parameter_name": "zz"})), 132012, "'zz'"),
        (components(body=_body(TEXT, TEXT, {"type": "text"})), 131008, "parameters[2].text"),
        ("x", 131009, "components"),
        (["x"], 131009, "components"),
    ],
)
def test_templates_that_do_not_fit_are_refused_by_code(
    line: Line, given: Any, code: int, says: str
) -> None:
    make_template(line.number, "order_menu", components=MENU)
    found, details = line.refused(template("order_menu", given))
    assert (found, says in details) == (code, True), details


@pytest.mark.parametrize(
    ("status", "code"),
    [("PENDING", 132001), ("REJECTED", 132001), ("PAUSED", 132015), ("DISABLED", 132016)],
)
def test_only_approved_templates_leave(line: Line, status: str, code: int) -> None:
    make_template(
        line.number, "hello", components=[{"type": "body", "text": "Hello"}], status=status
    )
    assert line.refused(template("hello"))[0] == code
    assert line.refused(template("unknown"))[0] == 132001
