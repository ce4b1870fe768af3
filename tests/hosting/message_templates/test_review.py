"""Review of templates: each decision changes the state, tells the business once, and nothing else
is possible.
"""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from core.tenancy import scope, system
from hosting.inbound import events
from hosting.message_templates import review
from hosting.models import Message, Number, SimulatedPhone, Template, Webhook, WebhookCall
from hosting.transports import sandbox
from tests.factories import make_business, make_number, make_template
from tests.hosting.messages.test_account_objects import body, create
from tests.hosting.messages.test_endpoints import NOON, TO, caller, code_of, post


@pytest.fixture
def number(db: None) -> Number:
    number = make_number(make_business(clock_at=NOON))
    with system("test"):
        Webhook.objects.create(
            business=number.business, account=number.account, url="http://127.0.0.1:9/"
        )
    return number


def reported() -> list[dict[str, Any]]:
    with system("test"):
        bodies = [bytes(call.body) for call in WebhookCall.objects.order_by("id")]
    changes = [orjson.loads(found)["entry"][0]["changes"][0] for found in bodies]
    return [{"field": change["field"], **change["value"]} for change in changes]


def test_an_approval_is_told_as_the_protocol_tells_it(number: Number) -> None:
    template = make_template(number, status="PENDING", rejected_reason="SCAM")
    with scope(number.business_id):
        assert review.approve(template).status == "APPROVED"
    assert reported() == [
        {
            "field": "message_template_status_update",
            "event": "APPROVED",
            "message_template_id": int(template.template_id),
            "message_template_name": "order_update",
            "message_template_language": "en_US",
            "reason": "NONE",
            "message_template_category": "UTILITY",
        }
    ]
    with system("test"):
        entry = orjson.loads(bytes(WebhookCall.objects.get().body))["entry"][0]
    assert (entry["id"], abs(entry["time"] - timezone.now().timestamp()) < 60) == (
        number.account.waba_id,
        True,
    )


def test_a_rejection_carries_its_reason_and_stops_sending(number: Number) -> None:
    template = make_template(number)
    with scope(number.business_id):
        review.reject(template, reason="TAG_CONTENT_MISMATCH")
    assert [(one["event"], one["reason"]) for one in reported()] == [
        ("REJECTED", "TAG_CONTENT_MISMATCH")
    ]
    assert code_of(post(caller(number), number, wanted())) == (404, 132001)


def wanted() -> dict[str, Any]:
    parameters = [{"type": "body", "parameters": [{"type": "text", "text": "7"}]}]
    template = {"name": "order_update", "language": {"code": "en_US"}, "components": parameters}
    return {"messaging_product": "whatsapp", "to": TO, "type": "template", "template": template}


def test_pauses_grow_and_the_third_is_for_good(number: Number) -> None:
    template = make_template(number)
    for hours, title in ((3, "FIRST_PAUSE"), (6, "SECOND_PAUSE")):
        with scope(number.business_id):
            paused = review.pause(template)
        assert paused.paused_until is not None
        assert abs(paused.paused_until - timezone.now() - timedelta(hours=hours)) < timedelta(
            minutes=1
        )
        assert (reported()[-1]["event"], reported()[-1]["other_info"]["title"]) == ("PAUSED", title)
        assert code_of(post(caller(number), number, wanted())) == (400, 132015)
        assert review.resume_due() == 0
        with system("the pause is over"):
            Template.objects.update(paused_until=timezone.now() - timedelta(seconds=1))
        assert review.resume_due() == 1
        assert post(caller(number), number, wanted()).status_code == 200
    with scope(number.business_id):
        assert review.pause(template).status == "DISABLED"
    assert [one["event"] for one in reported()] == [
        "PAUSED",
        "APPROVED",
        "PAUSED",
        "APPROVED",
        "DISABLED",
    ]
    assert reported()[-1]["disable_info"]["disable_date"] > 0
    assert code_of(post(caller(number), number, wanted())) == (400, 132016)


def test_quality_is_told_when_it_changes(number: Number) -> None:
    template = make_template(number)
    with scope(number.business_id):
        for quality in ("GREEN", "GREEN", "RED"):
            review.set_quality(template, quality=quality)
        with pytest.raises(review.ReviewRefused):
            review.set_quality(template, quality="BLUE")
    assert [
        (one["field"], one["previous_quality_score"], one["new_quality_score"])
        for one in reported()
    ] == [
        ("message_template_quality_update", "UNKNOWN", "GREEN"),
        ("message_template_quality_update", "GREEN", "RED"),
    ]
    shown = orjson.loads(caller(number).get(f"/v23.0/{template.template_id}").content)
    assert shown["quality_score"]["score"] == "RED"


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        ("PENDING", review.pause),
        ("REJECTED", review.pause),
        ("REJECTED", review.reject),
        ("APPROVED", review.approve),
        ("DISABLED", review.approve),
        ("PENDING", review.disable),
    ],
)
def test_what_does_not_follow_is_refused_and_told_to_nobody(
    number: Number, status: str, verb: Any
) -> None:
    template = make_template(number, status=status)
    with scope(number.business_id), pytest.raises(review.ReviewRefused, match=status):
        verb(template)
    with system("test"):
        assert (Template.objects.get().status, WebhookCall.objects.count()) == (status, 0)


def test_the_sandboxs_own_judgement_is_told_too(number: Number) -> None:
    create(number)
    create(number, name="please_reject")
    assert [(one["event"], one["message_template_name"]) for one in reported()] == [
        ("APPROVED", "hello"),
        ("REJECTED", "please_reject"),
    ]


@pytest.mark.parametrize(
    ("category", "ttl", "kept"),
    [
        ("UTILITY", 30, 30),
        ("UTILITY", -1, -1),
        ("UTILITY", 29, None),
        ("UTILITY", 43_201, None),
        ("MARKETING", 43_199, None),
        ("MARKETING", 43_200, 43_200),
        ("UTILITY", "x", None),
        ("UTILITY", True, None),
    ],
)
def test_how_long_delivery_is_tried(
    number: Number, category: str, ttl: Any, kept: int | None
) -> None:
    answer = create(
        number,
        category=category,
        message_send_ttl_seconds=ttl,
        components=body("Your order shipped"),
    )
    if kept is None:
        assert code_of(answer) == (400, 131009)
        with system("test"):
            assert not Template.objects.exists()
    else:
        made = orjson.loads(answer.content)["id"]
        shown = orjson.loads(caller(number).get(f"/v23.0/{made}").content)
        assert shown["message_send_ttl_seconds"] == kept


@pytest.mark.parametrize(("later", "status"), [(600, "delivered"), (601, "sent")])
def test_what_comes_too_late_is_not_delivered(number: Number, later: int, status: str) -> None:
    make_template(number, ttl_seconds=600)
    with system("test"):
        simulated_phone = SimulatedPhone.objects.create(
            business=number.business, wa_id=TO, name="x", is_online=False
        )
    assert post(caller(number), number, wanted()).status_code == 200
    sandbox.deliver_due()
    events.apply_due()
    with system("test"):
        number.business.clock_at = NOON + timedelta(seconds=later)
        number.business.save(update_fields=["clock_at"])
        simulated_phone.refresh_from_db()
        assert sandbox.set_online(simulated_phone=simulated_phone, online=True) == (
            status == "delivered"
        )
    events.apply_due()
    with system("test"):
        assert Message.objects.get().status == status
