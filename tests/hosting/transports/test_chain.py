"""Two Parleys in a chain, two databases, two web servers: A's upstream is B, and everything
travels both ways.

client -> A -> B -> the customer's phone, and back: phone -> B -> webhook -> A -> webhook -> client.
"""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import httpx
import orjson
import pytest
from django.conf import settings

from stack.machine import free_port
from tests import databases
from tests.hosting.messages.test_objects import PNG, _png
from tests.hosting.receivers import Receiver

OTHER = _png(3, 2)
PHONE = "14155550199"
ORDER = {
    "catalog_id": "194836987003835",
    "text": "",
    "product_items": [
        {"product_retailer_id": "di9ozbzfi4", "quantity": 2, "item_price": 30, "currency": "USD"}
    ],
}


class Parley:
    """A web server and a worker on a database of their own."""

    def __init__(self, stack, name, var):
        self.port, database = free_port(), f"chain_{name}_{os.environ['PARLEY_TEST_RUN']}"
        databases.clone(f"pristine_{os.environ['PARLEY_TEST_RUN']}", database)
        stack.callback(databases.drop, database)
        env = os.environ | {
            url: databases.with_database(os.environ[url], database) for url in databases.URLS
        }
        env["PARLEY_VAR"] = str(var / name)
        env |= {
            "PARLEY_ALLOW_PRIVATE_URLS": "1",
            "PORT": str(self.port),
            "BASE_URL": f"http://127.0.0.1:{self.port}",
        }
        env |= {
            "SECRET_KEY": settings.SECRET_KEY,
            "PARLEY_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
            "PARLEY_APP_SECRET": settings.APP_SECRET,
            "PARLEY_VERIFY_TOKEN": settings.VERIFY_TOKEN,
        }
        web = [
            "granian",
            "--interface",
            "wsgi",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--workers",
            "1",
            "--log-level",
            "critical",
            "config.wsgi:application",
        ]
        self.http = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, verify=False)
        )
        self.web = self.start(stack, env, web)
        self.worker = self.start(stack, env, ["tests.hosting.chained"])

    @staticmethod
    def start(stack, env, module):
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        stack.callback(process.wait)
        # The whole group: a web server that is killed leaves its workers.
        stack.callback(os.killpg, process.pid, signal.SIGKILL)
        return process

    def do(self, what, **more):
        self.worker.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.worker.stdin.flush()
        return json.loads(self.worker.stdout.readline())

    def ready(self):
        until(lambda: self.http.get("/healthz").status_code == 200)

    def ask(self, method, path, **what):
        key = {"Authorization": f"Bearer {self.it['token']}"}
        answer = self.http.request(method, f"/v23.0/{path}", headers=key, **what)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, to, **message):
        body = {"messaging_product": "whatsapp", "to": to, **message}
        return self.ask("POST", f"{self.it['phone_number_id']}/messages", json=body)["messages"][0][
            "id"
        ]

    def upload(self, content):
        files, form = (
            {"file": ("x.png", content, "image/png")},
            {"messaging_product": "whatsapp", "type": "image/png"},
        )
        return self.ask("POST", f"{self.it['phone_number_id']}/media", files=files, data=form)["id"]

    def download(self, media_id):
        return self.http.get(self.ask("GET", media_id)["url"]).content


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
def chain(committed_db, tmp_path):
    with ExitStack() as stack:
        client = stack.enter_context(Receiver(verify_token="client"))
        a, b = Parley(stack, "a", tmp_path), Parley(stack, "b", tmp_path)
        b.it = b.do("seed", name="Upstream", digits="15550783881")
        behind = {
            "base_url": f"http://127.0.0.1:{b.port}/v23.0",
            **{name: b.it[name] for name in ("waba_id", "phone_number_id", "token", "app_secret")},
        }
        a.it = a.do("seed", name="Bakery", digits="15550783881", upstream=behind)
        a.ready()
        b.ready()
        b.do(
            "subscribe",
            url=f"http://127.0.0.1:{a.port}/webhooks/{a.it['waba_id']}",
            verify_token=a.it["verify_token"],
        )
        a.do("subscribe", url=client.url, verify_token="client")
        yield a, b, client


def reported(client, member):
    """What the client was told, in order, each once."""
    return [item for taken in client.taken for item in taken.value.get(member, [])]


def order_ready(to, order):
    parameters = [{"type": "text", "text": order}]
    components = [{"type": "body", "parameters": parameters}]
    return {
        "to": to,
        "type": "template",
        "template": {
            "name": "order_update",
            "language": {"code": "en_US"},
            "components": components,
        },
    }


PAY = "Your order #1\n2 × Cake  $60.00\nTotal $60.00"
CHOICE = {
    "type": "interactive",
    "interactive": {
        "type": "button",
        "body": {"text": "Deliver it?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]},
    },
}


@pytest.mark.timeout(170)
def test_everything_travels_both_ways_and_each_meters_its_own(chain):
    a, b, client = chain
    a.do("synchronise")
    until(lambda: a.do("report")["templates"] == [["order_update", "APPROVED"]])
    b.do("customer", kind="text", content={"body": "Is my order ready?"})
    until(lambda: len(reported(client, "messages")) == 1)
    (question,) = reported(client, "messages")
    assert (question["from"], question["text"]) == (PHONE, {"body": "Is my order ready?"})
    assert b.do("report")["unread"] == 1
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": question["id"]}
    a.ask(
        "POST",
        f"{a.it['phone_number_id']}/messages",
        json=read | {"typing_indicator": {"type": "text"}},
    )
    until(lambda: b.do("report")["unread"] == 0)

    text = a.send(PHONE, type="text", text={"body": "Wait"}, context={"message_id": question["id"]})
    template = a.send(**order_ready(PHONE, "7"), biz_opaque_callback_data="order-7")
    choice = a.send(PHONE, **CHOICE)
    image = a.send(PHONE, type="image", image={"id": a.upload(PNG), "caption": "This one"})
    sent = [text, template, choice, image]
    until(lambda: len(reported(client, "statuses")) == 12)
    for wamid in sent:
        mine = [
            status["status"] for status in reported(client, "statuses") if status["id"] == wamid
        ]
        assert mine == ["sent", "delivered", "read"]
    trackers = [
        s.get("biz_opaque_callback_data")
        for s in reported(client, "statuses")
        if s["id"] == template
    ]
    assert trackers == ["order-7"] * 3

    b.do("block", wa_id="14155550188")
    refused = a.send(**order_ready("14155550188", "8"))
    until(lambda: len(reported(client, "statuses")) == 13)
    failed = reported(client, "statuses")[-1]
    assert (failed["id"], failed["status"], failed["errors"][0]["code"]) == (
        refused,
        "failed",
        130403,
    )

    reply = {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}}
    b.do("customer", kind="interactive", content=reply, about="Deliver it?")
    b.do(
        "customer",
        kind="button",
        content={"payload": "Thanks", "text": "Thanks"},
        about="Order 7 is ready",
    )
    catalog = a.do("open_shop", upstream_id=ORDER["catalog_id"])
    b.do("customer", kind="order", content=ORDER)
    b.do("picture", content=base64.b64encode(OTHER).decode())
    until(lambda: len(reported(client, "messages")) == 5)
    _, pressed, thanks, ordered, pictured = reported(client, "messages")
    assert (pressed["interactive"], pressed["context"]["id"]) == (reply, choice)
    assert (thanks["button"]["payload"], thanks["context"]["id"]) == ("Thanks", template)
    assert (ordered["type"], ordered["order"]) == ("order", ORDER | {"catalog_id": catalog})
    assert (pictured["image"]["caption"], a.download(pictured["image"]["id"])) == (
        "Is it this one?",
        OTHER,
    )

    until(lambda: (a.do("report")["charges"], b.do("report")["charges"]) == (4, 4))
    here, there = a.do("report"), b.do("report")
    mine, theirs = [row for row in here["messages"] if row[3] != "failed"], there["messages"]
    assert [row[:4] for row in mine] == [row[:4] for row in theirs]
    assert [row[:4] for row in mine] == [
        ["in", "text", "Is my order ready?", "received"],
        ["out", "text", "Wait", "read"],
        ["out", "template", "Order 7 is ready", "read"],
        ["out", "interactive", "Deliver it?", "read"],
        ["out", "image", "This one", "read"],
        ["in", "interactive", "Yes", "received"],
        ["in", "button", "Thanks", "received"],
        ["in", "order", mine[7][2], "received"],
        ["in", "image", "Is it this one?", "received"],
    ]
    hashes = [hashlib.sha256(content).hexdigest() for content in (PNG, OTHER)]
    assert (here["files"], there["files"]) == (hashes, hashes)
    # Each has its own ids for what went out, the same for what came in; replies name the right
    # ones on both sides.
    assert {row[4] for row in mine if row[0] == "out"}.isdisjoint(row[4] for row in theirs)
    assert [row[4] for row in mine if row[0] == "in"] == [
        row[4] for row in theirs if row[0] == "in"
    ]
    assert (mine[5][5], theirs[5][5]) == (mine[3][4], theirs[3][4])
    assert (mine[1][5], theirs[1][5]) == (question["id"], question["id"])
    for taken in client.taken:
        assert taken.headers["x-hub-signature-256"].startswith("sha256=")
        assert orjson.loads(taken.body)["entry"][0]["id"] == a.it["waba_id"]
    # The order is the shop's here, under its own id, and what it answers reaches the customer
    # there.
    assert a.do("take") == [[catalog, 6000, 3]]
    until(lambda: b.do("report")["messages"][-1][:3] == ["out", "interactive", PAY])
    assert b.do("take") == []
