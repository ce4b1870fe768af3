"""The Cloud API, asked at random by schemathesis with the OpenAPI document that Meta publishes
(github.com/facebook/openapi): never a 5xx, and every refusal in the protocol's shape.

The document is Meta's, so it is not kept here: CLOUD_API_DESCRIPTION names the file.
"""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
import schemathesis
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings

from hosting.models import Number
from tests.factories import make_business, make_number, make_template
from tests.hosting.api.test_operations import ids
from tests.hosting.messages.test_endpoints import NOON, caller

DESCRIPTION = os.environ.get("CLOUD_API_DESCRIPTION", "")
# Over 113 operations these are more than 10,000 questions.
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "90"))
# What Meta calls at its customers; here it is where networks call, which answers networks only.
WEBHOOKS, OURS = "/whatsapp/webhooks", "/webhooks/"


@pytest.fixture
def number(db: None) -> Number:
    number = make_number(make_business(clock_at=NOON))
    make_template(number)
    return number


def asked(client: Client, case: Any, names: dict[str, str]) -> Any:
    """The answer to one question; ids in its path are those of things that are there, or its own
    where there are none.
    """
    values = case.path_parameters | names | {"Version": "v23.0"}
    address = re.sub(
        r"\{([^}]+)\}", lambda m: quote(str(values[m[1]]), safe=""), case.path
    ).replace(WEBHOOKS, OURS)
    query = {name: value for name, value in (case.query or {}).items() if value is not None}
    headers = {
        name: value
        for name, value in (case.headers or {}).items()
        if name.lower() not in ("authorization", "content-type", "content-length", "host")
    }
    if case.media_type == "multipart/form-data" and isinstance(case.body, dict):
        sent: Any = {name: _part(value) for name, value in case.body.items()}
        return client.post(address, sent, query_params=query, headers=headers)
    body = b""
    if isinstance(case.body, dict | list | str | int | float | bool):
        body = json.dumps(case.body, default=str).encode()
    return client.generic(
        case.method,
        address,
        body,
        "application/json",
        query_params=query,
        headers=headers,
    )


def _part(value: Any) -> Any:
    if isinstance(value, bytes):
        return SimpleUploadedFile("x", value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def ask(operation: Any, client: Client, names: dict[str, str]) -> list[int]:
    """Ask one operation EXAMPLES times; the answers' status codes."""
    codes: list[int] = []

    @seed(int(os.environ.get("SCHEMA_SEED", "1")))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def one(case: Any) -> None:
        with transaction.atomic():
            response = asked(client, case, names)
            transaction.set_rollback(True)
        codes.append(response.status_code)
        said = (case.method, case.path, response.status_code, response.content[:300])
        assert response.status_code < 500, said
        if response.status_code >= 400 and case.path != WEBHOOKS:
            assert response["Content-Type"].startswith("application/json"), said
            error = orjson.loads(response.content)["error"]
            assert set(error) >= {"message", "type", "code", "fbtrace_id"}

    one()
    return codes


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not DESCRIPTION, reason="CLOUD_API_DESCRIPTION names no file")
def test_no_question_that_the_description_allows_is_answered_with_5xx(number: Number) -> None:
    client = caller(number)
    client.raise_request_exception = False
    names = ids(number, client)
    raw = yaml.safe_load(Path(DESCRIPTION).read_text(encoding="utf-8"))
    schema = schemathesis.openapi.from_dict(raw)
    codes: dict[str, list[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        codes[operation.label] = ask(operation, client, names)
    assert len(codes) == 113
    asked_in_all = sum(map(len, codes.values()))
    print(f"{asked_in_all:,} questions to {len(codes)} operations")
    answered = [label for label, found in codes.items() if any(code < 300 for code in found)]
    assert len(answered) >= 30, sorted(answered)
