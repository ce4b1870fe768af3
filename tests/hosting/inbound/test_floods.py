"""One business's load is its own: rates by plan, bounded storage, fair claims."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import Business, Plan
from accounts.plans import limits
from core.models import Email
from core.queue.claim import claim
from core.tenancy import scope, system
from hosting.api import webhooks
from hosting.cloudapi.webhooks import sign
from hosting.imports import jobs
from hosting.inbound import events
from hosting.limits import locked_messages, notices
from hosting.models import (
    Contact,
    Event,
    LockedMessage,
    Message,
    Number,
    Webhook,
    WebhookCall,
)
from hosting.models.limits import InboundCount
from tests.factories import make_business, make_key, make_member, make_number
from tests.hosting.inbound.test_events import message
from tests.hosting.messages.test_endpoints import status
from tests.hosting.messages.test_incoming_endpoint import webhook
from tests.hosting.messages.test_objects import PNG

pytestmark = pytest.mark.django_db


def make_plan(**fields: Any) -> None:
    with system("test"):
        Plan.objects.create(code="small", name="Small", **fields)


def make_site(plan: str = "small", **fields: Any) -> Number:
    business = make_business("M", plan_id=plan, **fields)
    make_member(business)
    return make_number(business)


@pytest.fixture
def other() -> Number:
    return make_number(make_business("V"))


def body_of(number: Number, n: int, size: int = 0) -> bytes:
    text = {"body": f"{n} " + "x" * size}
    sender = f"1415555{n:04}"
    return webhook(
        number,
        messages=[message("text", f"wamid.{n}", sender=sender, at=timezone.now(), text=text)],
    )


def post(number: Number, body: bytes, secret: str = "") -> HttpResponse:
    return Client().post(  # type: ignore[return-value]
        f"/webhooks/{number.account.waba_id}", body, content_type="application/json",
        headers={"X-Hub-Signature-256": sign(body, secret or number.account.app_secret)},
    )  # fmt: skip


def stored(number: Number) -> int:
    with system("test"):
        return Event.objects.filter(account=number.account_id).count()


# --- the rate at the address


def test_beyond_the_plans_rate_nothing_is_stored(redis: Any, other: Number) -> None:
    make_plan(webhooks_per_second=2)
    number = make_site()
    answers = [post(number, body_of(number, n)) for n in range(14)]
    codes = [one.status_code for one in answers]
    assert codes[:10] == [200] * 10
    assert codes[-1] == 429
    assert answers[-1].headers["Retry-After"] == "1"
    error = orjson.loads(answers[-1].content)["error"]
    assert error["code"] == "too_many_requests"
    assert "2 webhooks a second" in error["message"]
    assert stored(number) == codes.count(200)
    assert post(other, body_of(other, 1)).status_code == 200


def test_the_rate_counts_bytes_so_that_few_large_bodies_are_many(redis: Any) -> None:
    make_plan(webhooks_per_second=2)
    number = make_site()
    assert post(number, body_of(number, 1, size=4_000)).status_code == 200
    refused = post(number, body_of(number, 2, size=4_000))
    assert (refused.status_code, stored(number)) == (429, 1)
    assert int(refused.headers["Retry-After"]) >= 4


def test_who_has_no_secret_uses_up_nobodys_rate(redis: Any) -> None:
    make_plan(webhooks_per_second=1)
    number = make_site()
    refused = {post(number, body_of(number, n), secret="wrong").status_code for n in range(20)}
    assert refused == {403}
    assert post(number, body_of(number, 1)).status_code == 200


def test_the_platforms_own_secret_is_not_held(redis: Any) -> None:
    make_plan(webhooks_per_second=1)
    number = make_site()
    codes = {post(number, body_of(number, n), settings.APP_SECRET).status_code for n in range(20)}
    assert codes == {200}


def test_no_more_is_taken_while_as_many_wait_as_the_plan_keeps(redis: Any, other: Number) -> None:
    make_plan(webhooks_per_second=1000, raw_events=3)
    number = make_site()
    for n in range(3):
        assert post(number, body_of(number, n)).status_code == 200
    webhooks._receivers.clear()
    refused = post(number, body_of(number, 4))
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert post(other, body_of(other, 1)).status_code == 200
    events.apply_due()
    webhooks._receivers.clear()
    assert post(number, body_of(number, 4)).status_code == 200


# --- what is kept


def told(business: Business) -> list[str]:
    """The subjects of mails to its owners, and the alerts of its webhooks."""
    notices.send_due_notices()
    notices.send_due_notices()
    with system("test"):
        mails = Email.objects.filter(business=business).order_by("id")
        calls = WebhookCall.objects.filter(business=business, field="account_alerts")
        alerts = [
            orjson.loads(bytes(one.body))["entry"][0]["changes"][0]["value"]["alert_info"]
            for one in calls.order_by("id")
        ]
        return [one.kind for one in mails] + [one["alert_type"] for one in alerts]


def subscribe(number: Number) -> None:
    with system("test"):
        Webhook.objects.create(
            business=number.business, account=number.account, url="https://a.example/"
        )


def test_raw_events_over_the_plan_are_applied_counted_and_not_kept(other: Number) -> None:
    make_plan(raw_events=2)
    number = make_site()
    subscribe(number)
    with system("test"):
        for one in (number, other):
            for n in range(5):
                events.store_event(body=body_of(one, n), account_id=one.account_id)
    events.apply_due()
    assert (stored(number), stored(other)) == (2, 5)
    with system("test"):
        assert Message.objects.filter(number=number).count() == 5
        counts = dict(InboundCount.objects.values_list("business_id", "raw_events"))
    assert counts == {number.business_id: 5, other.business_id: 5}
    assert told(number.business) == ["inbound", "RAW_EVENTS_100"]
    assert told(other.business) == []


def flood(number: Number, count: int) -> None:
    with system("test"):
        for n in range(count):
            events.store_event(body=body_of(number, n), account_id=number.account_id)
    while events.apply_due():
        pass


def test_messages_over_hosted_and_locked_ones_are_counted_and_not_kept(other: Number) -> None:
    make_plan(hosted_messages=2, locked_messages=3)
    number = make_site()
    subscribe(number)
    flood(number, 10)
    flood(other, 10)
    with system("test"):
        assert Message.objects.filter(number=number).count() == 5
        assert LockedMessage.objects.count() == 3
        assert Contact.objects.filter(business=number.business).count() == 5
        assert InboundCount.objects.get(business=number.business).messages_dropped == 5
        assert Message.objects.filter(number=other).count() == 10
        assert not InboundCount.objects.filter(business=other.business, messages_dropped__gt=0)
    assert "LOCKED_MESSAGES_100" in told(number.business)
    # Nothing comes back by itself; what is locked is there with a larger plan.
    with system("test"):
        Business.objects.filter(pk=number.business_id).update(plan_id="business")
        assert locked_messages.unlock(number.business_id) == 3


def test_one_body_with_very_many_messages_keeps_no_more() -> None:
    make_plan(hosted_messages=2, locked_messages=3)
    number = make_site()
    many = [
        message("text", f"wamid.m{n}", sender=f"1415555{n:04}", at=timezone.now(),
                text={"body": "x"})
        for n in range(900)
    ]  # fmt: skip
    with system("test"):
        body = webhook(number, messages=many)
        events.store_event(body=body, account_id=number.account_id)
    events.apply_due()
    with system("test"):
        assert Message.objects.count() == 5
        assert InboundCount.objects.get().messages_dropped == 895


def test_times_long_past_open_no_room_of_their_own() -> None:
    make_plan(hosted_messages=2, locked_messages=3)
    number = make_site()
    with system("test"):
        for n in range(60):
            at = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(days=200 * n)
            sent = message(
                "text", f"wamid.p{n}", sender=f"1415555{n:04}", at=at, text={"body": "x"}
            )
            events.store_event(body=webhook(number, messages=[sent]), account_id=number.account_id)
    while events.apply_due():
        pass
    with system("test"):
        assert Message.objects.count() <= 2 * 3 + 3


def test_the_word_that_ends_marketing_works_over_every_limit() -> None:
    make_plan(hosted_messages=1, locked_messages=0)
    number = make_site()
    flood(number, 1)
    with system("test"):
        stop = message("text", "wamid.stop", sender="14155550000", at=timezone.now(),
                       text={"body": "STOP"})  # fmt: skip
        events.store_event(body=webhook(number, messages=[stop]), account_id=number.account_id)
    events.apply_due()
    with system("test"):
        assert Message.objects.count() == 1
        assert Contact.objects.get().opted_out_at is not None


# --- fair claims


def test_a_backlog_of_one_does_not_delay_the_other(other: Number) -> None:
    number = make_site("business")
    with system("test"):
        Event.objects.bulk_create(
            Event(
                digest=n.to_bytes(32, "big"), account_id=number.account_id, source="business",
                body=webhook(number, statuses=[status(f"wamid.{n}", "sent")]),
            )
            for n in range(3000)
        )  # fmt: skip
        events.store_event(body=body_of(other, 1), account_id=other.account_id)
    events.apply_due()
    with system("test"):
        assert Message.objects.filter(number=other).exists()
        assert Event.objects.filter(applied_at=None).count() > 2000


def test_of_one_claim_an_account_has_its_share_by_bytes(other: Number) -> None:
    number = make_site("business")
    with system("test"):
        Event.objects.bulk_create(
            Event(
                digest=n.to_bytes(32, "big"), account_id=number.account_id, source="business",
                body=b" " * 10_000 + b"{}",
            )
            for n in range(50)
        )  # fmt: skip
        for n in range(100):
            events.store_event(body=body_of(other, n), account_id=other.account_id)
    rows = claim(events.QUEUE)
    mine = [row for row in rows if row.owner == number.account_id]
    assert 1 <= len(mine) <= 1 + events.BATCH_BYTES // 2 // 10_000
    assert len(rows) - len(mine) > len(mine)
    # Alone, and larger than its share: one at a time.
    with system("test"):
        Event.objects.filter(account=other.account_id).delete()
        Event.objects.filter(pk__gt=min(row.key for row in mine)).delete()
        Event.objects.update(body=b" " * 2 * events.BATCH_BYTES, attempts=0, leased_until=None)
    assert len(claim(events.QUEUE)) == 1


# --- rates at other entries


def test_many_keys_are_no_way_round_a_plans_requests(redis: Any, other: Number) -> None:
    make_plan(requests_per_second=1)
    number = make_site()
    clients = [
        Client(headers={"Authorization": f"Bearer {make_key(number.business)}"}) for _ in range(60)
    ]
    # Each key asks once: no key's own rate is used up.
    answers = [client.get("/api/v1/") for client in clients]
    refused = next(one for one in answers if one.status_code != 200)
    assert refused.status_code == 429
    assert "all keys together 4 requests a second" in refused.json()["error"]["message"]
    theirs = Client(headers={"Authorization": f"Bearer {make_key(other.business)}"})
    assert theirs.get("/api/v1/").status_code == 200


def test_uploads_have_a_rate_in_both_apis(redis: Any) -> None:
    make_plan(requests_per_second=4)
    number = make_site()
    key = {"Authorization": f"Bearer {make_key(number.business)}"}

    def upload(path: str) -> HttpResponse:
        held = {"file": SimpleUploadedFile("x.png", PNG, "image/png"),
                "messaging_product": "whatsapp", "type": "image/png"}  # fmt: skip
        return Client(headers=key).post(path, held)  # type: ignore[return-value]

    paths = ("/api/v1/media/", f"/v23.0/{number.phone_number_id}/media")
    answers = [upload(path) for path in (*paths, *paths)]
    assert [one.status_code // 100 for one in answers[:2]] == [2, 2]
    assert [one.status_code for one in answers[2:]] == [429, 429]
    assert all(one.headers["Retry-After"] == "1" for one in answers[2:])


def test_imports_have_a_rate(redis: Any) -> None:
    make_plan(requests_per_second=2)
    number = make_site()
    file = b"[13.05.24, 10:00:00] Ann: hello\n"
    with scope(number.business_id):
        business = Business.objects.select_related("plan").get(pk=number.business_id)
        for _ in range(2):
            jobs.create_import(
                business=business, author=None, file=SimpleUploadedFile("a.txt", file),
                filename="a.txt",
            )  # fmt: skip
        with pytest.raises(limits.TooManyRequests, match="2 imports a minute"):
            jobs.create_import(
                business=business, author=None, file=SimpleUploadedFile("a.txt", file),
                filename="a.txt",
            )  # fmt: skip
