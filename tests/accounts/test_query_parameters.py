"""Every address of the REST API says which query parameters it has, and refuses any other."""

from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from accounts.models import KeyScope
from core.openapi import Generator
from tests.factories import make_business, make_key

OF_PAGING = {"after", "limit"}
PLACES = {
    "pk": "1", "message_id": "1", "contact_id": "1", "order_id": "1", "conversation_id": "1",
    "number": "X-1", "kind": "pdf",
    "public_id": "1e0bd0a6-35ad-4c0b-8f3c-5c3f0f1b2a3d",
}  # fmt: skip


def addresses() -> dict[str, dict[str, Any]]:
    schema: dict[str, dict[str, dict[str, Any]]] = Generator().get_schema(public=True)
    return schema["paths"]


def view_of(path: str) -> Any:
    return resolve(path).func.view_class  # type: ignore[attr-defined]


def filled(path: str, methods: dict[str, Any]) -> str:
    """The address with something in each of its places."""
    for one in next(iter(methods.values())).get("parameters", []):
        if one["in"] == "path":
            is_uuid = one["schema"].get("format") == "uuid"
            value = PLACES["public_id"] if is_uuid else PLACES.get(one["name"], "1")
            path = path.replace(f"{{{one['name']}}}", value)
    return path


def test_the_schema_names_the_parameters_that_are_taken() -> None:
    for path, methods in addresses().items():
        told = {
            one["name"]
            for method in methods.values()
            for one in method.get("parameters", [])
            if one["in"] == "query"
        }
        view = view_of(filled(path, methods))
        assert told - OF_PAGING - {"format"} == set(view.query_fields), path


@pytest.mark.django_db
def test_every_address_refuses_a_parameter_that_there_is_not() -> None:
    key = make_key(make_business(), scopes=list(KeyScope.values))
    client = Client(headers={"Authorization": f"Bearer {key}"})
    asked = 0
    for path, methods in addresses().items():
        for method in methods:
            if method in ("get", "delete"):
                answer = getattr(client, method)(f"{filled(path, methods)}?form=1")
                assert (answer.status_code, answer.json()["error"]["field"]) == (400, "form"), path
                asked += 1
    assert asked > 20
