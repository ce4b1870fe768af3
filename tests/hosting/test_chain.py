"""Two Parleys in a chain, two databases, two web servers: A's upstream is B, and everything travels both ways.

client -> A -> B -> the customer's phone, and back: the phone -> B -> webhook -> A -> webhook -> client.
"""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import httpx
import orjson
import pytest
from django.conf import settings

from tests import databases
from tests.hosting.receivers import Receiver

PHONE = "14155550199"
ORDER = {
    "catalog_id": "194836987003835",
    "text": "",
    "product_items": [{"product_retailer_id": "di9ozbzfi4", "quantity": 2, "item_price": 30, "currency": "USD"}],
}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Parley:
    """A web server and a worker on a database of their own."""

    def __init__(self, stack, name):
        self.port, database = free_port(), f"chain_{name}_{os.environ['PARLEY_TEST_RUN']}"
        databases.clone(f"pristine_{os.environ['PARLEY_TEST_RUN']}", database)
        stack.callback(databases.drop, database)
        env = os.environ | {url: databases.with_database(os.environ[url], database) for url in databases.URLS}
        env |= {"PARLEY_ALLOW_PRIVATE_URLS": "1", "PORT": str(self.port), "BASE_URL": f"http://127.0.0.1:{self.port}"}
        env |= {
            "SECRET_KEY": settings.SECRET_KEY,
            "PARLEY_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
            "PARLEY_APP_SECRET": settings.APP_SECRET,
            "PARLEY_VERIFY_TOKEN": settings.VERIFY_TOKEN,
        }
        web = ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
               "--log-level", "critical", "config.wsgi:application"]  # fmt: skip
        self.http = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, verify=False)
        )
        self.web = self.start(stack, env, web)
        self.worker = self.start(stack, env, ["tests.hosting.chained"])

    @staticmethod
    def start(stack, env, module):
        process = subprocess.Popen(
            [sys.executable, "-m", *module], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    def do(self, what, **more):
        self.worker.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.worker.stdin.flush()
        return json.loads(self.worker.stdout.readline())

    def ready(self):
        until(lambda: self.http.get("/healthz").status_code == 200)

    def send(self, to, **message):
        answer = self.http.post(
            f"/v23.0/{self.it['phone_number_id']}/messages",
            headers={"Authorization": f"Bearer {self.it['token']}"},
            json={"messaging_product": "whatsapp", "to": to, **message},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["messages"][0]["id"]


def until(true, seconds=40):
    deadline = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


@pytest.fixture
def chain(committed_db):
    with ExitStack() as stack:
        client = stack.enter_context(Receiver(verify_token="client"))
        a, b = Parley(stack, "a"), Parley(stack, "b")
        b.it = b.do("seed", name="Upstream", digits="15550783881")
        behind = {
            "base_url": f"http://127.0.0.1:{b.port}/v23.0",
            **{name: b.it[name] for name in ("waba_id", "phone_number_id", "token", "app_secret")},
        }
        a.it = a.do("seed", name="Bakery", digits="15550783881", upstream=behind)
        a.ready()
        b.ready()
        b.do(
            "subscribe", url=f"http://127.0.0.1:{a.port}/webhooks/{a.it['waba_id']}", verify_token=a.it["verify_token"]
        )
        a.do("subscribe", url=client.url, verify_token="client")
        yield a, b, client


def told(client, member):
    """What the client was told, in order, each once."""
    return [item for taken in client.taken for item in taken.value.get(member, [])]


@pytest.mark.timeout(170)
def test_everything_travels_both_ways_and_each_meters_its_own(chain):
    a, b, client = chain
    b.do("customer", kind="text", content={"body": "Is my order ready?"})
    until(lambda: len(told(client, "messages")) == 1)
    (question,) = told(client, "messages")
    assert (question["from"], question["text"]) == (PHONE, {"body": "Is my order ready?"})

    text = a.send(PHONE, type="text", text={"body": "Wait"}, context={"message_id": question["id"]})
    template = a.send(
        PHONE,
        type="template",
        template={
            "name": "order_update",
            "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "7"}]}],
        },
        biz_opaque_callback_data="order-7",
    )
    choice = a.send(
        PHONE,
        type="interactive",
        interactive={
            "type": "button",
            "body": {"text": "Deliver it?"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]},
        },
    )
    sent = [text, template, choice]
    until(lambda: len(told(client, "statuses")) == 9)
    for wamid in sent:
        mine = [status["status"] for status in told(client, "statuses") if status["id"] == wamid]
        assert mine == ["sent", "delivered", "read"]
    trackers = [s.get("biz_opaque_callback_data") for s in told(client, "statuses") if s["id"] == template]
    assert trackers == ["order-7"] * 3

    reply = {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}}
    b.do("customer", kind="interactive", content=reply, about="Deliver it?")
    b.do("customer", kind="order", content=ORDER)
    until(lambda: len(told(client, "messages")) == 3)
    _, pressed, ordered = told(client, "messages")
    assert (pressed["interactive"], pressed["context"]["id"]) == (reply, choice)
    assert (ordered["type"], ordered["order"]) == ("order", ORDER)

    until(lambda: (a.do("report")["charges"], b.do("report")["charges"]) == (3, 3))
    mine, theirs = a.do("report")["messages"], b.do("report")["messages"]
    assert [row[:4] for row in mine] == [row[:4] for row in theirs]
    assert [row[:4] for row in mine] == [
        ["in", "text", "Is my order ready?", "received"],
        ["out", "text", "Wait", "read"],
        ["out", "template", "Order 7 is ready", "read"],
        ["out", "interactive", "Deliver it?", "read"],
        ["in", "interactive", "Yes", "received"],
        ["in", "order", mine[5][2], "received"],
    ]
    # Each has its own ids for what went out, the same for what came in; replies name the right ones on both sides.
    assert {row[4] for row in mine if row[0] == "out"}.isdisjoint(row[4] for row in theirs)
    assert [row[4] for row in mine if row[0] == "in"] == [row[4] for row in theirs if row[0] == "in"]
    assert (mine[4][5], theirs[4][5]) == (mine[3][4], theirs[3][4])
    assert (mine[1][5], theirs[1][5]) == (question["id"], question["id"])
    for taken in client.taken:
        assert taken.headers["x-hub-signature-256"].startswith("sha256=")
        assert orjson.loads(taken.body)["entry"][0]["id"] == a.it["waba_id"]
