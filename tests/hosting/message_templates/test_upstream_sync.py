"""Templates of an account and its upstream: pulled page by page, pushed once, and every change
told as news of our own.
"""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from core.tenancy import system
from hosting.cloudapi import webhooks as wire
from hosting.inbound import events
from hosting.message_templates import upstream_sync
from hosting.models import Number, Template, Upstream, Webhook, WebhookCall
from tests.factories import make_business, make_number, make_template
from tests.hosting.messages.test_account_objects import create
from tests.hosting.messages.test_endpoints import caller
from tests.hosting.messages.test_incoming_endpoint import knock
from tests.hosting.receivers import Receiver, Taken
from tests.hosting.transports.test_upstream_faults import refused
from tests.hosting.upstreams import put_behind

BODY = [{"type": "BODY", "text": "Order {{1}} is ready"}]


def theirs(name: str, n: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(5000 + n),
        "name": name,
        "language": "en_US",
        "status": "APPROVED",
        "category": "UTILITY",
        "components": BODY,
        "parameter_format": "POSITIONAL",
        "quality_score": {"score": "GREEN"},
    } | changes


@pytest.fixture
def upstream() -> Any:
    with Receiver() as receiver:
        receiver.pages = [[]]

        def show(taken: Taken) -> tuple[int, bytes]:
            pages = receiver.pages
            at = int(taken.path.rpartition("after=")[2]) if "after=" in taken.path else 0
            more = {"next": "http://x/"} if at + 1 < len(pages) else {}
            return 200, orjson.dumps(
                {"data": pages[at], "paging": {"cursors": {"after": str(at + 1)}} | more}
            )

        receiver.show = show
        receiver.answer = lambda taken: (
            200,
            b'{"id":"6001","status":"PENDING","category":"UTILITY"}',
        )
        yield receiver


@pytest.fixture
def number(db: None, upstream: Receiver, settings: Any) -> Number:
    settings.ALLOW_PRIVATE_URLS = True
    number = make_number(make_business(), digits="15550783881")
    put_behind(number, upstream)
    with system("test"):
        Webhook.objects.create(
            business=number.business, account=number.account, url="http://127.0.0.1:9/"
        )
    return number


def synchronise() -> None:
    with system("time passes"):
        Upstream.objects.update(synchronised_at=None)
    assert upstream_sync.synchronise_due() == 1


def templates() -> list[tuple[str, str, str, str]]:
    with system("test"):
        return list(
            Template.objects.live()
            .order_by("name")
            .values_list("name", "status", "quality", "upstream_id")
        )


def reported() -> list[tuple[str, str]]:
    """Field and news of every call about something else than messages."""
    with system("test"):
        changes = [
            orjson.loads(bytes(call.body))["entry"][0]["changes"][0]
            for call in WebhookCall.objects.order_by("id")
        ]
    return [
        (one["field"], one["value"].get("event") or one["value"]["new_quality_score"])
        for one in changes
    ]


def test_every_page_is_pulled_and_the_token_shown(number: Number, upstream: Receiver) -> None:
    upstream.pages = [
        [theirs("a", 1), theirs("b", 2)],
        [theirs("c", 3, status="PAUSED", quality_score={"score": "RED"})],
    ]
    synchronise()
    assert templates() == [
        ("a", "APPROVED", "GREEN", "5001"),
        ("b", "APPROVED", "GREEN", "5002"),
        ("c", "PAUSED", "RED", "5003"),
    ]
    assert upstream.shown[0].path.startswith("/v23.0/777/message_templates?limit=100&fields=id")
    assert upstream.shown[0].headers["authorization"] == "Bearer their-token"
    assert upstream_sync.synchronise_due() == 0
    with system("a quarter of an hour later"):
        Upstream.objects.update(synchronised_at=timezone.now() - timedelta(minutes=16))
    assert upstream_sync.synchronise_due() == 1


def test_what_changed_is_told_and_what_is_gone_is_deleted(
    number: Number, upstream: Receiver
) -> None:
    upstream.pages = [[theirs("a", 1), theirs("b", 2)]]
    synchronise()
    make_template(number, "ours_alone")
    upstream.pages = [
        [theirs("a", 1, status="REJECTED", rejected_reason="SCAM", quality_score={"score": "RED"})]
    ]
    synchronise()
    assert [row[:3] for row in templates()] == [
        ("a", "REJECTED", "RED"),
        ("ours_alone", "APPROVED", "UNKNOWN"),
    ]
    assert reported() == [
        ("message_template_status_update", "REJECTED"),
        ("message_template_quality_update", "RED"),
    ]
    synchronise()
    assert len(reported()) == 2


def test_half_a_list_changes_nothing(number: Number, upstream: Receiver) -> None:
    upstream.pages = [[theirs("a", 1)]]
    synchronise()
    whole, upstream.pages = upstream.show, [[], []]
    assert whole is not None
    upstream.show = lambda taken: refused(500, 2) if "after=" in taken.path else whole(taken)
    synchronise()
    assert [row[0] for row in templates()] == ["a"]
    with system("test"):
        assert "HTTP 500" in Upstream.objects.get().last_error


def test_a_template_made_here_is_made_there(number: Number, upstream: Receiver) -> None:
    made = orjson.loads(create(number, message_send_ttl_seconds=600).content)
    assert made["status"] == "PENDING"
    upstream.pages = [[theirs("hello", 1, id="6001", status="PENDING")]]
    synchronise()
    synchronise()
    (taken,) = upstream.taken
    assert taken.path == "/v23.0/777/message_templates"
    assert orjson.loads(taken.body) == {
        "name": "hello",
        "language": "en_US",
        "category": "UTILITY",
        "message_send_ttl_seconds": 600,
        "components": [{"type": "BODY", "text": "Order {{1}} shipped"}],
        "parameter_format": "POSITIONAL",
    }
    assert templates() == [("hello", "PENDING", "GREEN", "6001")]
    assert orjson.loads(caller(number).get(f"/v23.0/{made['id']}").content)["status"] == "PENDING"


def test_a_template_that_is_refused_there_is_rejected_here(
    number: Number, upstream: Receiver
) -> None:
    upstream.answer = lambda taken: refused(
        400, 100, error_data={"details": "body.text is too long"}
    )
    create(number)
    synchronise()
    with system("test"):
        template = Template.objects.get()
    assert (template.status, template.rejected_reason) == ("REJECTED", "body.text is too long")
    assert reported() == [("message_template_status_update", "REJECTED")]


def receive(number: Number, field: str, value: dict[str, Any]) -> int:
    body = orjson.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": "777", "time": 1, "changes": [{"field": field, "value": value}]}],
        }
    )
    status = knock(number, body, wire.sign(body, "their-secret"))
    events.apply_due()
    return status


def named(**more: Any) -> dict[str, Any]:
    return {
        "message_template_id": 5001,
        "message_template_name": "order_update",
        "message_template_language": "en-US",
    } | more


def test_the_upstreams_webhooks_change_templates_and_become_ours(number: Number) -> None:
    template = make_template(number, upstream_id="5001")
    paused = named(
        event="PAUSED", reason="NONE", other_info={"title": "FIRST_PAUSE", "description": "d"}
    )
    assert receive(number, "message_template_status_update", paused) == 200
    receive(number, "message_template_status_update", paused | {"again": 1})
    receive(
        number,
        "message_template_quality_update",
        named(new_quality_score="RED", previous_quality_score="GREEN"),
    )
    receive(
        number,
        "template_category_update",
        named(new_category="MARKETING", previous_category="UTILITY"),
    )
    receive(number, "account_update", {"event": "VOLUME_BASED_PRICING_TIER_UPDATE"})
    with system("test"):
        template.refresh_from_db()
        calls = [
            orjson.loads(bytes(call.body))["entry"][0]
            for call in WebhookCall.objects.order_by("id")
        ]
    assert (template.status, template.quality, template.category) == ("PAUSED", "RED", "marketing")
    assert [call["changes"][0]["field"] for call in calls] == [
        "message_template_status_update",
        "message_template_quality_update",
        "account_update",
    ]
    first = calls[0]["changes"][0]["value"]
    assert (calls[0]["id"], first["message_template_id"]) == (
        number.account.waba_id,
        int(template.template_id),
    )
    assert first["other_info"] == {"title": "FIRST_PAUSE", "description": "d"}


def test_news_of_an_unknown_template_make_synchronising_due(number: Number) -> None:
    with system("test"):
        Upstream.objects.update(synchronised_at=timezone.now())
    receive(number, "message_template_status_update", named(event="APPROVED"))
    assert upstream_sync.synchronise_due() == 1


def test_an_account_without_upstream_listens_to_nobody(db: None) -> None:
    number = make_number(make_business())
    template = make_template(number)
    body = orjson.dumps(
        {
            "entry": [
                {
                    "changes": [
                        {
                            "field": "message_template_status_update",
                            "value": named(event="DISABLED"),
                        }
                    ]
                }
            ]
        }
    )
    assert knock(number, body) == 200
    events.apply_due()
    with system("test"):
        assert Template.objects.get(pk=template.pk).status == "APPROVED"


def test_what_is_no_template_is_left_out(number: Number, upstream: Receiver) -> None:
    upstream.pages = [
        [
            theirs("Upper", 1),
            theirs("", 2),
            theirs("news", 3, category="NEWS"),
            {},
            theirs("good", 4),
        ]
    ]
    synchronise()
    assert [row[0] for row in templates()] == ["good"]


def test_the_token_and_secret_are_not_readable_in_the_database(number: Number) -> None:
    from django.db import connection

    with system("test"), connection.cursor() as cursor:
        cursor.execute("SELECT token, app_secret FROM hosting_upstream")
        row = cursor.fetchone()
    assert not any("their" in stored for stored in row)
