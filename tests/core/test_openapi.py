"""The description of the REST API says how every operation refuses, as it really does."""

from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from core.openapi import Generator
from tests.factories import make_business, make_key

ALWAYS = {"400", "401", "403", "429", "503"}


@pytest.fixture(scope="module")
def schema() -> Any:
    return Generator().get_schema(request=None, public=True)


def operations(schema: Any) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, held in schema["paths"].items()
        for method, operation in held.items()
        if method != "parameters"
    ]


def test_every_operation_says_how_it_refuses(schema: Any) -> None:
    found = operations(schema)
    assert len(found) >= 60
    for path, method, operation in found:
        expected = ALWAYS | ({"404"} if "{" in path else set())
        assert expected <= set(operation["responses"]), (path, method)
        for status in expected:
            answer = operation["responses"][status]
            held = answer["content"]["application/json"]["schema"]
            assert held == {"$ref": "#/components/schemas/Error"}
            assert ("headers" in answer) is (status in ("429", "503"))


def test_refusals_have_the_shape_that_is_described(db: None, schema: Any) -> None:
    described = schema["components"]["schemas"]["Error"]["properties"]["error"]
    key = make_key(make_business(), scopes=["read"])
    for path, token, status in (
        ("/api/v1/messages/", "", 401),
        ("/api/v1/messages/?status=lost", key, 400),
        ("/api/v1/contacts/", key, 403),
        ("/api/v1/messages/999999/", key, 404),
    ):
        answer = Client().get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status, path
        error = answer.json()["error"]
        assert set(described["required"]) <= set(error) <= set(described["properties"])


def test_each_component_has_a_name_of_its_own_in_words(
    schema: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    names = set(schema["components"]["schemas"])
    # A digit is part of a hash: two sets of choices had one name.
    assert not [name for name in names if any(map(str.isdigit, name))]
    assert {"MediaUpload", "ChatUpload", "OrderLine", "InvoiceLine"} <= names
    # Not the description that is kept: making it says what is wrong.
    SchemaGenerator().get_schema(request=None, public=True)
    assert "identical names" not in capsys.readouterr().err
