"""A stock client library receives what Parley sends: every signature is good, every body becomes
the right object.
"""

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from pywa import WhatsApp

from core.tenancy import scope, system
from hosting.inbound import events
from hosting.message_templates import review
from hosting.models import Account, Message, Number, Webhook
from hosting.webhooks import delivery
from tests.factories import make_business, make_number, make_template
from tests.hosting.inbound.test_events import KINDS, SAMPLES, TO, message, readdressed, take
from tests.hosting.messages.test_endpoints import NOON, caller, post, status
from tests.hosting.messages.test_incoming_endpoint import knock, webhook
from tests.hosting.receivers import Receiver, Taken

SECRET = "the account's app secret"
HANDLERS = (
    "message",
    "message_status",
    "callback_button",
    "callback_selection",
    "flow_completion",
    "phone_number_change",
    "identity_change",
    "edited_message",
    "deleted_message",
    "template_status_update",
    "template_quality_update",
    "account_update",
)
# Not the protocol's: what stands under the kind's name is nothing a client could read.
MALFORMED = [{"hologram": ["a", 1]}, {"hologram": None}, {"text": "a string"}]


class Stock(logging.Handler):
    """pywa behind a web server, as a business would run it; remembers what it made of each body,
    and complaints.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: list[tuple[str, Any]] = []
        self.complaints: list[str] = []
        self.turn = threading.Lock()
        self.client = WhatsApp(
            phone_id="1",
            token="t",
            waba_id="2",
            server=None,
            verify_token="vt",
            app_secret=SECRET,
            filter_updates=False,
            continue_handling=True,
            skip_duplicate_updates=False,
        )
        for name in HANDLERS:
            getattr(self.client, f"on_{name}")()(self.noting(name))

    def noting(self, name: str) -> Any:
        return lambda _client, update: self.seen.append((name, update))

    def emit(self, record: logging.LogRecord) -> None:
        self.complaints.append(
            f"{record.getMessage()} {record.exc_info[1] if record.exc_info else ''!r}"
        )

    def answer(self, taken: Taken) -> tuple[int, bytes]:
        with self.turn:
            error = self.client.webhook_update_validator(
                taken.body, taken.headers.get("x-hub-signature-256")
            )
            if error:
                self.complaints.append(str(error))
                return error[1], error[0].encode()
            text, code = self.client.webhook_update_handler(taken.body)
            return code, text.encode()


@pytest.fixture
def stock() -> Iterator[Stock]:
    stock, log = Stock(), logging.getLogger("pywa")
    log.addHandler(stock)
    yield stock
    log.removeHandler(stock)


@pytest.fixture
def number(db: None, settings: Any, stock: Stock) -> Iterator[Number]:
    settings.ALLOW_PRIVATE_URLS = True
    number = make_number(make_business(clock_at=NOON))
    with Receiver(answer=stock.answer) as receiver:
        with system("test"):
            Account.objects.filter(pk=number.account_id).update(app_secret=SECRET)
            number.account.refresh_from_db()
            Webhook.objects.create(
                business=number.business, account=number.account, url=receiver.url
            )
        yield number


def reported(stock: Stock) -> list[tuple[str, Any]]:
    """Make the calls that are due; what the stock client made of them."""
    while delivery.call_due():
        pass
    assert stock.complaints == []
    seen, stock.seen = stock.seen, []
    return seen


def kind_of(update: Any) -> str:
    return str(getattr(update.type, "value", update.type))


WHO = {
    "button": "callback_button",
    "list_reply": "callback_selection",
    "button_reply": "callback_button",
    "nfm_reply": "flow_completion",
}


@pytest.mark.parametrize(
    ("kind", "members"), [(kind, members) for kind, members, _ in KINDS if members not in MALFORMED]
)
def test_every_inbound_kind(
    number: Number, stock: Stock, kind: str, members: dict[str, Any]
) -> None:
    take(number, message(kind, **members))
    ((name, update),) = reported(stock)
    inner = members.get(kind)
    expected = WHO.get(
        inner.get("type", "") if kind == "interactive" and inner else kind, "message"
    )
    expected = "phone_number_change" if kind == "system" else expected
    assert (name, update.id, update.from_user.wa_id) == (expected, "wamid.1", TO)
    if name == "message":
        assert kind_of(update) == ("unknown" if kind == "hologram" else kind)


def test_changes_of_messages_and_of_numbers(number: Number, stock: Stock) -> None:
    edit = {
        "original_message_id": "wamid.1",
        "message": {"type": "text", "text": {"body": "second"}},
    }
    moved = {"body": "A changed", "wa_id": "19990001111", "type": "user_changed_number"}
    take(
        number,
        message("text", "wamid.1", text={"body": "first"}),
        message("edit", "wamid.2", edit=edit),
        message("revoke", "wamid.3", revoke={"original_message_id": "wamid.1"}),
        message("reaction", "wamid.4", reaction={"message_id": "wamid.1"}),
        message("system", "wamid.5", at=NOON + timedelta(minutes=1), system=moved),
    )
    seen = reported(stock)
    assert [name for name, _ in seen] == [
        "message",
        "edited_message",
        "deleted_message",
        "message",
        "phone_number_change",
    ]
    assert (seen[1][1].message.text, seen[3][1].reaction.emoji) == ("second", None)


@pytest.mark.parametrize(
    "name", [name for name in SAMPLES if name.startswith(("message.", "callback", "system"))]
)
def test_every_sample_passed_on(number: Number, stock: Stock, name: str) -> None:
    assert knock(number, readdressed(SAMPLES[name], number, name)) == 200
    events.apply_due()
    ((_, update),) = reported(stock)
    sample = orjson.loads(readdressed(SAMPLES[name], number, name))
    assert update.id == sample["entry"][0]["changes"][0]["value"]["messages"][0]["id"]


def test_every_status_of_a_batch_arrives_with_pricing_where_the_protocol_has_it(
    number: Number, stock: Stock
) -> None:
    take(number, message("text", text={"body": "hello"}))
    wamid = orjson.loads(post(caller(number), number).content)["messages"][0]["id"]
    reported(stock)
    moments = [
        (name, NOON + timedelta(seconds=n)) for n, name in enumerate(("sent", "delivered", "read"))
    ]
    assert (
        knock(number, webhook(number, statuses=[status(wamid, name, at) for name, at in moments]))
        == 200
    )
    events.apply_due()
    found = [update for _, update in reported(stock)]
    assert [(update.id, update.status.value, update.timestamp) for update in found] == [
        (wamid, name, at) for name, at in moments
    ]
    assert [update.pricing.category.value if update.pricing else None for update in found] == [
        "service"
    ] * 2 + [None]


def test_a_failure_carries_its_code(number: Number, stock: Stock) -> None:
    take(number, message("text", text={"body": "hello"}))
    wamid = orjson.loads(post(caller(number), number).content)["messages"][0]["id"]
    reported(stock)
    error = {
        "code": 131049,
        "title": "Not delivered",
        "message": "Not delivered",
        "error_data": {"details": "Why"},
    }
    assert (
        knock(
            number, webhook(number, statuses=[status(wamid, "failed", NOON) | {"errors": [error]}])
        )
        == 200
    )
    events.apply_due()
    ((name, update),) = reported(stock)
    assert (name, update.status.value, update.error.code) == ("message_status", "failed", 131049)


def test_news_of_templates_and_samples_of_every_field(number: Number, stock: Stock) -> None:
    template = make_template(number)
    with scope(number.business_id):
        review.pause(template)
        review.approve(template)
        review.set_quality(template, quality="YELLOW")
        review.reject(template, reason="ABUSIVE_CONTENT")
        hook = Webhook.objects.select_related("account").get()
        for field in hook.fields:
            delivery.send_sample(hook, field=field)
    seen = sorted(
        (name, str(getattr(update, "new_status", ""))) for name, update in reported(stock)
    )
    assert [name for name, _ in seen] == [
        "account_update",
        "message",
        *["template_quality_update"] * 2,
        *["template_status_update"] * 4,
    ]


def test_an_inbound_batch_is_one_call_each_unless_more_is_asked_for(
    number: Number, stock: Stock
) -> None:
    batch = [message("text", f"wamid.{n}", text={"body": str(n)}) for n in range(5)]
    assert knock(number, webhook(number, messages=batch)) == 200
    events.apply_due()
    assert [update.text for _, update in reported(stock)] == ["0", "1", "2", "3", "4"]
    with system("test"):
        Webhook.objects.update(updates_per_call=3)
        Message.objects.all().delete()
    assert knock(number, webhook(number, messages=batch) + b" ") == 200
    events.apply_due()
    assert len(reported(stock)) == 2
