"""Requests per second: each key is limited by its plan in every API, also without Valkey."""

from typing import Any

import orjson
import pytest
from django.test import Client

from accounts.models import Business, Plan
from accounts.plans import limits
from core import rate_limit
from core.rate_limit import Bucket
from core.tenancy import system
from hosting.models import Message
from tests.factories import make_business, make_key, make_number
from tests.hosting.messages.test_endpoints import code_of, post, write

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[True, False], ids=["valkey", "alone"])
def slow(request: pytest.FixtureRequest, redis: Any, monkeypatch: Any) -> Business:
    """A business whose keys make two requests a second."""
    monkeypatch.setattr(rate_limit, "_local", rate_limit.LocalBuckets())
    monkeypatch.setattr(rate_limit, "_absent_until", 0.0 if request.param else float("inf"))
    with system("test"):
        Plan.objects.create(code="slow", name="Slow", requests_per_second=2)
    return make_business(plan_id="slow")


def client_of(business: Business) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_key(business)}"})


def test_a_key_over_its_rate_is_told_when_to_come_back(slow: Business) -> None:
    client, other = client_of(slow), client_of(slow)
    answers = [client.get("/api/v1/") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[2].json()["error"] == {
        "code": "too_many_requests",
        "message": "The Slow plan allows each key 2 requests a second: slow down, try again.",
        "field": "",
    }
    assert answers[2]["Retry-After"] == "1"
    assert other.get("/api/v1/").status_code == 200


def test_the_cloud_api_door_answers_with_its_own_code(slow: Business) -> None:
    number, client = make_number(slow), client_of(slow)
    answers = [client.get(f"/v21.0/{number.phone_number_id}") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    error = orjson.loads(answers[2].content)["error"]
    assert (error["code"], error["is_transient"], answers[2]["Retry-After"]) == (4, True, "1")
    assert "2 requests a second" in error["error_data"]["details"]


def test_sends_count_for_the_key_whichever_number_they_leave_by(slow: Business) -> None:
    one, two = make_number(slow), make_number(slow)
    write(one)
    write(two)
    client = client_of(slow)
    assert [post(client, one).status_code, post(client, two).status_code] == [200, 200]
    assert code_of(post(client, two)) == (429, 4)
    with system("test"):
        assert Message.objects.filter(direction="out").count() == 2


def test_a_refused_request_changes_nothing_and_a_test_clock_is_not_held(slow: Business) -> None:
    number, client = make_number(slow), client_of(slow)
    path = f"/v21.0/{number.phone_number_id}"
    for _ in range(2):
        client.get(path)
    refused = client.post(path, orjson.dumps({"pin": "123456"}), content_type="application/json")
    assert refused.status_code == 429
    with system("test"):
        number.refresh_from_db()
    assert number.pin == ""
    slow.clock_at = slow.created_at
    for _ in range(9):
        limits.check(key_id=1, business=slow)


def test_buckets_are_charged_together_or_not_at_all(redis: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(rate_limit, "_absent_until", 0.0)
    wide, narrow = Bucket("wide", 0.001, 3.0), Bucket("narrow", 0.001, 1.0)
    assert rate_limit.take(wide, narrow) == 0
    assert [rate_limit.take(wide, narrow) for _ in range(4)] == [2] * 4
    assert [rate_limit.take(wide) for _ in range(3)] == [0, 0, 1]
