"""What the API would not send is found again, with its reason; nothing else of it stays."""

import json
from collections.abc import Mapping

import pytest
from django.test import Client
from django.urls import reverse

from core.tenancy import system
from hosting.messages import rejections
from hosting.models import Contact, Message, Number, RejectedSend
from tests.factories import make_business, make_key, make_member, make_number

pytestmark = pytest.mark.django_db
TEXT = {"messaging_product": "whatsapp", "to": "14155550100", "text": {"body": "Too late"}}


@pytest.fixture
def number() -> Number:
    return make_number(make_business())


def post(number: Number, path: str, body: Mapping[str, object]) -> int:
    headers = {"Authorization": f"Bearer {make_key(number.business)}"}
    answer = Client(headers=headers).post(path, json.dumps(body), content_type="application/json")
    return int(answer.status_code)


def refused() -> list[tuple[str, str, int, dict[str, object]]]:
    with system("test"):
        return list(
            RejectedSend.objects.order_by("id").values_list("wa_id", "kind", "code", "content")
        )


def test_a_closed_window_is_noted_by_both_endpoints_and_nothing_is_sent(number: Number) -> None:
    assert post(number, f"/v23.0/{number.phone_number_id}/messages", TEXT) == 400
    body = {
        "from": number.phone_number_id,
        "to": "14155550101",
        "type": "text",
        "text": {"body": "x"},
    }
    assert post(number, "/api/v1/messages/", body) == 400
    assert refused() == [
        ("14155550100", "text", 131047, {"body": "Too late"}),
        ("14155550101", "text", 131047, {"body": "x"}),
    ]
    with system("test"):
        assert (Message.objects.count(), Contact.objects.count()) == (0, 0)


def test_no_more_than_a_thousand_an_hour_are_kept(
    number: Number, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejections, "MAX_PER_HOUR", 2)
    for _ in range(4):
        post(number, f"/v23.0/{number.phone_number_id}/messages", TEXT)
    assert len(refused()) == 2


def test_the_page_lists_them_for_their_own_business_alone(number: Number) -> None:
    post(number, f"/v23.0/{number.phone_number_id}/messages", TEXT)
    for business, found in ((number.business, True), (make_business("Other"), False)):
        client = Client()
        client.force_login(
            make_member(business, "finance"), backend="django.contrib.auth.backends.ModelBackend"
        )
        page = client.get(reverse("messages"), {"status": "refused"}).content.decode()
        assert ("131047" in page and "Too late" in page) is found
        lines = (
            client.get(reverse("messages"), {"status": "refused", "csv": "1"})
            .content.decode()
            .splitlines()
        )
        assert len(lines) == (2 if found else 1)
