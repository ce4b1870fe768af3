"""A flow on the simulated phone, with a stock client's flow server as the business's endpoint."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pywa import WhatsApp
from pywa.types import FlowRequest, FlowResponse
from pywa.types.flows import FlowDetails, FlowTokenNoLongerValid

from core.tenancy import system
from hosting.inbound import events
from hosting.models import Flow, FlowStatus, Message, Number, SimulatedPhone
from hosting.transports import sandbox
from tests.factories import make_business, make_client, make_member, make_number
from tests.hosting.api.test_flows import FLOW, ask, code, source
from tests.hosting.messages.test_endpoints import caller
from tests.hosting.receivers import Receiver, Taken

pytestmark = pytest.mark.django_db
TO = "14155550123"
KEY = generate_private_key(65537, 2048)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def screen(name: str, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    layout = {"type": "SingleColumnLayout", "children": list(children)}
    return {"id": name, "title": name.title(), "layout": layout} | more


def footer(label: str, name: str, payload: dict[str, Any], **more: Any) -> dict[str, Any]:
    action = {"name": name, "payload": payload} | more
    return {"type": "Footer", "label": label, "on-click-action": action}


TABLES: dict[str, Any] = {
    "version": "7.2",
    "data_api_version": "3.0",
    "routing_model": {"GUESTS": ["TIME"], "TIME": []},
    "screens": [
        screen(
            "GUESTS",
            {"type": "TextBody", "text": "${data.greeting}"},
            {"type": "TextInput", "name": "guest", "label": "Name", "required": True},
            {
                "type": "TextInput", "name": "count", "label": "Guests", "input-type": "number",
                "required": True,
            },
            footer("Next", "data_exchange", {"guest": "${form.guest}", "count": "${form.count}"}),
            data={"greeting": {"type": "string", "__example__": "Welcome"}},
        ),
        screen(
            "TIME",
            {
                "type": "RadioButtonsGroup", "name": "slot", "label": "Time", "required": True,
                "data-source": "${data.slots}",
            },
            {
                "type": "If", "condition": "${form.slot} == '20'",
                "then": [{"type": "TextBody", "text": "The kitchen closes at nine."}],
            },
            footer(
                "Book", "data_exchange",
                {"slot": "${form.slot}", "for": "${screen.GUESTS.form.guest}"},
            ),
            terminal=True, refresh_on_back=True,
        ),
    ],
}  # fmt: skip


class Restaurant:
    """pywa's flow server behind a web server, with a handler; remembers the requests."""

    def __init__(self) -> None:
        self.seen: list[FlowRequest] = []
        self.client = WhatsApp(
            phone_id="1", token="t", server=None, verify_token="v", app_secret="s",
            business_private_key=PRIVATE,
        )  # fmt: skip
        self.handle = self.client.get_flow_request_handler("/flow", self.answered).handle
        self.answers: dict[str, Callable[[FlowRequest], FlowResponse]] = {}

    def answered(self, _client: WhatsApp, request: FlowRequest) -> FlowResponse:
        self.seen.append(request)
        return self.answers[request.action](request)

    def answer(self, taken: Taken) -> tuple[int, bytes]:
        text, status = self.handle(json.loads(taken.body))
        return status, text.encode()


@pytest.fixture
def place() -> Iterator[tuple[Restaurant, Receiver]]:
    restaurant = Restaurant()
    with Receiver(answer=restaurant.answer) as receiver:
        yield restaurant, receiver


@pytest.fixture
def number(settings: Any, redis: Any) -> Number:
    settings.ALLOW_PRIVATE_URLS = True
    number = make_number(make_business())
    with system("test"):
        phone = SimulatedPhone.objects.create(business=number.business, wa_id=TO, name="Zoe")
        sandbox.write(simulated_phone=phone, number=number, text="Hello")
    events.apply_due()
    return number


@pytest.fixture
def agent(number: Number) -> Client:
    return make_client(number.business, "agent")


def published(number: Number, flow: dict[str, Any], **given: Any) -> str:
    client, waba = caller(number), number.account.waba_id
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    path = f"{number.phone_number_id}/whatsapp_business_encryption"
    assert ask(client, path, "POST", business_public_key=pem) == {"success": True}
    made = ask(
        client, f"{waba}/flows", "POST", name="Tables", categories=["OTHER"],
        flow_json=source(flow), **given,
    )  # fmt: skip
    assert made["validation_errors"] == []
    assert ask(client, f"{made['id']}/publish", "POST") == {"success": True}
    return str(made["id"])


def opening(number: Number, flow_id: str, **parameters: Any) -> Any:
    held = {"flow_message_version": "3", "flow_cta": "Book", "flow_id": flow_id} | parameters
    interactive = {
        "type": "flow", "body": {"text": "A table?"},
        "action": {"name": "flow", "parameters": held},
    }  # fmt: skip
    return ask(
        caller(number), f"{number.phone_number_id}/messages", "POST",
        messaging_product="whatsapp", to=TO, type="interactive", interactive=interactive,
    )  # fmt: skip


def opened(number: Number, answer: Any) -> str:
    """The address of the flow on the phone, once the message arrived."""
    sandbox.deliver_due()
    events.apply_due()
    with system("test"):
        message = Message.objects.get(wamid=answer["messages"][0]["id"])
        phone = SimulatedPhone.objects.get(wa_id=TO)
    return reverse("phone_flow", args=[phone.pk, number.phone_number_id, message.pk])


def state_of(response: Any) -> str:
    found = re.search(r'name="state" value="([^"]+)"', response.content.decode())
    assert found
    return found[1]


def footer_of(response: Any) -> str:
    found = re.search(r'class="button primary" name="press" value="([^"]+)"', page(response))
    assert found
    return found[1]


def page(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def pressed(agent: Client, address: str, shown: Any, **given: Any) -> Any:
    form = {"state": state_of(shown), "press": footer_of(shown)}
    return agent.post(address, form | given)


def replied() -> dict[str, Any]:
    events.apply_due()
    with system("test"):
        message = Message.objects.get(kind="interactive", direction="in")
        asked = Message.objects.get(wamid=message.context_wamid)
    reply = message.content["nfm_reply"]
    assert (reply["name"], reply["body"]) == ("flow", "Sent")
    assert asked.content["type"] == "flow"
    return dict(orjson.loads(reply["response_json"]))


def greet(request: FlowRequest) -> FlowResponse:
    return request.respond(screen="GUESTS", data={"greeting": "Good evening"})


def book(request: FlowRequest) -> FlowResponse:
    assert request.data is not None
    if request.screen == "GUESTS" and request.data["count"] == "99":
        return request.respond(screen="GUESTS", error_message="We have 20 chairs.")
    if request.screen == "GUESTS":
        slots: list[Any] = [{"id": "19", "title": "7 pm"}, {"id": "20", "title": "8 pm"}]
        return request.respond(screen="TIME", data={"slots": slots})
    return request.respond(close_flow=True, data={"slot": request.data["slot"]})


def test_a_flow_without_endpoint_runs_from_screen_to_screen(number: Number, agent: Client) -> None:
    flow = published(number, FLOW)
    address = opened(number, opening(number, flow, flow_token="t-1"))
    shown = agent.get(address)
    assert "Your table" in page(shown)
    assert "Book a table" in page(shown)
    done = pressed(agent, address, shown, **{"flow-guest": "Ann"})
    assert ">Send</button>" in page(done)
    back = agent.post(address, {"state": state_of(done), "press": "back"})
    assert 'value="Ann"' in page(back)
    end = pressed(agent, address, done)
    assert end.status_code == 302
    assert replied() == {"flow_token": "t-1"}


def test_a_stock_flow_server_leads_through_its_screens(
    number: Number, agent: Client, place: tuple[Restaurant, Receiver]
) -> None:
    restaurant, receiver = place
    restaurant.answers = {"INIT": greet, "data_exchange": book, "BACK": greet}
    flow = published(number, TABLES, endpoint_uri=receiver.url)
    answer = opening(number, flow, flow_token="t-2", flow_action="data_exchange")
    address = opened(number, answer)
    shown = agent.get(address)
    assert "Good evening" in page(shown)
    # What is missing is said on the phone; the endpoint is not asked.
    asked = len(receiver.taken)
    wrong = pressed(agent, address, shown, **{"flow-guest": "", "flow-count": "two"})
    assert wrong.status_code == 422
    assert page(wrong).count('class="error"') == 2
    assert len(receiver.taken) == asked
    full = pressed(agent, address, shown, **{"flow-guest": "Ann", "flow-count": "99"})
    assert "We have 20 chairs." in page(full)
    times = pressed(agent, address, full, **{"flow-guest": "Ann", "flow-count": "2"})
    assert "8 pm" in page(times)
    assert "kitchen" not in page(times)
    chosen = agent.post(
        address, {"state": state_of(times), "flow-slot": "20"}, HTTP_HX_REQUEST="true"
    )
    assert "The kitchen closes at nine." in page(chosen)
    back = agent.post(address, {"state": state_of(times), "press": "back"})
    assert "Good evening" in page(back)
    end = pressed(agent, address, times, **{"flow-slot": "20"})
    assert end.status_code == 302
    assert replied() == {"flow_token": "t-2", "slot": "20"}
    seen = [(request.action, request.screen, request.flow_token) for request in restaurant.seen]
    assert seen == [
        ("INIT", None, "t-2"), ("data_exchange", "GUESTS", "t-2"),
        ("data_exchange", "GUESTS", "t-2"), ("BACK", "TIME", "t-2"),
        ("data_exchange", "TIME", "t-2"),
    ]  # fmt: skip
    assert restaurant.seen[-1].data == {"slot": "20", "for": "Ann"}


def test_a_token_that_is_used_up_closes_the_flow(
    number: Number, agent: Client, place: tuple[Restaurant, Receiver]
) -> None:
    restaurant, receiver = place

    def refuse(_request: FlowRequest) -> FlowResponse:
        raise FlowTokenNoLongerValid("The table is booked already.")

    restaurant.answers = {"INIT": refuse}
    flow = published(number, TABLES, endpoint_uri=receiver.url)
    address = opened(number, opening(number, flow, flow_action="data_exchange"))
    for _ in range(2):
        assert "The table is booked already." in page(agent.get(address))
    assert len(restaurant.seen) == 1
    cache.clear()


def test_a_wrong_answer_is_reported_to_the_endpoint(
    number: Number, agent: Client, place: tuple[Restaurant, Receiver]
) -> None:
    restaurant, receiver = place
    restaurant.answers = {"INIT": lambda request: request.respond(screen="NOWHERE")}
    flow = published(number, TABLES, endpoint_uri=receiver.url)
    address = opened(number, opening(number, flow, flow_action="data_exchange"))
    assert "named no screen of the form" in page(agent.get(address))
    told = restaurant.seen[-1]
    assert told.has_error
    assert told.data is not None
    assert told.data["error"] == "INVALID_SCREEN_TRANSITION"


def test_an_endpoint_with_another_key_is_asked_twice(
    number: Number, agent: Client, place: tuple[Restaurant, Receiver]
) -> None:
    restaurant, receiver = place
    restaurant.answers = {"INIT": greet}
    flow = published(number, TABLES, endpoint_uri=receiver.url)
    with system("test"):
        other = generate_private_key(65537, 2048).public_key()
        pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        Number.objects.filter(pk=number.pk).update(settings={"public_key": pem})
    address = opened(number, opening(number, flow, flow_action="data_exchange"))
    before = len(receiver.taken)
    assert "HTTP 421" in page(agent.get(address))
    assert len(receiver.taken) - before == 2
    assert restaurant.seen == []


def test_a_flow_is_published_only_with_a_key_and_an_endpoint_that_answers(
    number: Number, place: tuple[Restaurant, Receiver]
) -> None:
    _, receiver = place
    client, waba = caller(number), number.account.waba_id
    made = ask(
        client, f"{waba}/flows", "POST", name="Tables", categories=["OTHER"],
        flow_json=source(TABLES), endpoint_uri=receiver.url,
    )["id"]  # fmt: skip
    assert "public key" in ask(client, f"{made}/publish", "POST")["error"]["error_data"]["details"]
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    path = f"{number.phone_number_id}/whatsapp_business_encryption"
    ask(client, path, "POST", business_public_key=pem)
    receiver.answer = lambda taken: (200, b"active")
    assert "ping" in ask(client, f"{made}/publish", "POST")["error"]["error_data"]["details"]
    with system("test"):
        assert Flow.objects.get().status == FlowStatus.DRAFT


def test_only_a_flow_that_can_be_opened_is_sent(number: Number) -> None:
    flow = published(number, FLOW)
    other = make_number(number.business)
    strange = published(other, FLOW)
    draft = ask(
        caller(number), f"{number.account.waba_id}/flows", "POST", name="Draft",
        categories=["OTHER"], flow_json=source(FLOW),
    )["id"]  # fmt: skip
    empty = ask(
        caller(number), f"{number.account.waba_id}/flows", "POST", name="E", categories=["OTHER"]
    )["id"]
    payload = {"screen": "NOWHERE"}
    for flow_id, given in (
        ("9" * 15, {}), (strange, {}), (draft, {}),
        (flow, {"mode": "draft"}), (flow, {"mode": "x"}),
        (empty, {"mode": "draft"}), (flow, {"flow_action_payload": payload}),
    ):  # fmt: skip
        assert code(opening(number, flow_id, **given)) == 131009, (flow_id, given)
    with system("test"):
        assert not Message.objects.filter(direction="out").exists()
    assert opening(number, draft, mode="draft")["messages"]
    assert opening(number, "", flow_name="Tables")["messages"]


def test_another_phones_state_and_a_strangers_flow_are_refused(
    number: Number, agent: Client
) -> None:
    flow = published(number, FLOW)
    first = opened(number, opening(number, flow))
    second = opened(number, opening(number, flow))
    moved = agent.post(second, {"state": state_of(agent.get(first)), "press": "0"})
    # It begins anew.
    assert "Book a table" in page(moved)
    stranger = Client()
    stranger.force_login(
        make_member(make_business("Other"), "agent"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    assert stranger.get(first).status_code == 404


def test_a_preview_shows_all_screens_with_their_examples(number: Number) -> None:
    flow = ask(
        caller(number), f"{number.account.waba_id}/flows", "POST", name="Tables",
        categories=["OTHER"], flow_json=source(TABLES),
    )["id"]  # fmt: skip
    shown = ask(caller(number), f"{flow}?fields=preview.invalidate(false)")
    path = shown["preview"]["preview_url"]
    path = path[path.index("/flows/preview/") :]
    text = page(Client().get(path))
    assert "Welcome" in text
    assert "Guests" in text
    assert "hx-post" not in text
    assert Client().get(path + "x").status_code == 404
    details = FlowDetails.from_dict(ask(caller(number), flow), client=Restaurant().client)
    assert (details.status, details.json_version) == ("DRAFT", "7.2")
    assert details.preview is not None
    # The end is the moment, in seconds, and the signature.
    one, other = details.preview.url, shown["preview"]["preview_url"]
    assert one.rsplit(":", 2)[0] == other.rsplit(":", 2)[0]
