"""Requests to the REST API with a field or parameter that there is not are refused by its name."""

import itertools
from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import get_resolver

from accounts.api import BusinessAPIMixin
from accounts.models import KeyScope
from billing.api.v1.urls import urlpatterns
from billing.models import Export
from core.tenancy import system
from tests.factories import make_business, make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    key = make_key(make_business(), scopes=[KeyScope.BILLING, KeyScope.EXPORTS])
    return Client(headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("field", ["from", "to", "status", "First", "business", ""])
def test_an_export_with_an_unknown_field_is_refused_and_not_made(
    client: Client, field: str
) -> None:
    body = orjson.dumps({"kind": "journal", field: "2026-05"})
    answer = client.post("/api/v1/invoices/exports/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert answer.json()["error"]["message"].startswith("There is no such field; there are: kind")
    with system("test"):
        assert not Export.objects.exists()


def test_every_address_of_billing_refuses_an_unknown_parameter(client: Client) -> None:
    for pattern in urlpatterns:
        callback: Any = pattern.callback
        view: Any = callback.view_class
        assert issubclass(view, BusinessAPIMixin)
        path = "/api/v1/" + str(pattern.pattern)
        for name, value in (
            ("<int:message_id>", "1"),
            ("<int:pk>", "1"),
            ("<str:number>", "X-1"),
            ("<slug:kind>", "pdf"),
        ):
            path = path.replace(name, value)
        call = client.get if hasattr(view, "get") else client.post
        answer = call(f"{path}?form=2026-05")
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, "form"), path


def test_known_parameters_are_taken(client: Client) -> None:
    for path in (
        "invoices/?from=2026-01&to=2026-12&status=open&limit=5",
        "charges/?month=2026-05&billed_month=2026-05&market=India&category=utility&rule=tier",
        "usage/?month=2026-05",
        "invoices/exports/?limit=1",
    ):
        assert client.get(f"/api/v1/{path}").status_code == 200, path


def test_every_request_serializer_is_strict() -> None:
    """What is made from `request.data` refuses unknown fields, in every app."""
    import accounts.api
    from core.serializers import StrictSerializer
    from hosting.api.v1 import serializers, transfers, webhooks
    from shops.api.v1 import orders, products

    assert accounts.api
    strict = (
        *(serializers.ContactChange, serializers.MergeSerializer, serializers.ConversationChange),
        *(transfers.ChatUploadSerializer, transfers.AnswersSerializer, transfers.WantedSerializer),
        *(webhooks.SubscribeSerializer, webhooks.WebhookChange),
        *(products.NewProduct, products.ProductChange, products.StockChange),
        *(orders.StepSerializer, orders.RefundSerializer),
    )
    for one in strict:
        assert issubclass(one, StrictSerializer), one
    assert list(itertools.islice(get_resolver().reverse_dict, 1))
