"""Flows: created, filled, checked by the published rules, published, deprecated, deleted."""

from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from core.tenancy import system
from hosting.cloudapi.flow_json import validation_errors
from hosting.models import Flow, Number, Webhook, WebhookCall
from tests.factories import make_business, make_number
from tests.hosting.messages.test_endpoints import NOON, caller

FLOW: dict[str, Any] = {
    "version": "7.2",
    "screens": [
        {
            "id": "DETAILS",
            "title": "Your table",
            "layout": {
                "type": "SingleColumnLayout",
                "children": [
                    {"type": "TextHeading", "text": "Book a table"},
                    {
                        "type": "Form",
                        "name": "form",
                        "children": [
                            {"type": "TextInput", "name": "guest", "label": "Name"},
                            {
                                "type": "Footer",
                                "label": "Next",
                                "on-click-action": {
                                    "name": "navigate",
                                    "next": {"type": "screen", "name": "DONE"},
                                    "payload": {"guest": "${form.guest}"},
                                },
                            },
                        ],
                    },
                ],
            },
        },
        {
            "id": "DONE",
            "terminal": True,
            "layout": {
                "type": "SingleColumnLayout",
                "children": [
                    {
                        "type": "Footer",
                        "label": "Send",
                        "on-click-action": {"name": "complete", "payload": {}},
                    }
                ],
            },
        },
    ],
}


def source(flow: dict[str, Any]) -> str:
    return orjson.dumps(flow, option=orjson.OPT_INDENT_2).decode()


def bent(**changes: Any) -> dict[str, Any]:
    """The flow with members of its second screen changed."""
    return FLOW | {"screens": [FLOW["screens"][0], FLOW["screens"][1] | changes]}


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business(clock_at=NOON))


def ask(client: Client, path: str, method: str = "GET", **given: Any) -> Any:
    body = orjson.dumps(given) if method == "POST" else b""
    return client.generic(method, f"/v23.0/{path}", body, "application/json").json()


def code(answer: Any) -> int:
    return int(answer["error"]["code"])


def test_a_flow_is_made_filled_published_deprecated(number: Number) -> None:
    client, waba = caller(number), number.account.waba_id
    with system("test"):
        Webhook.objects.create(
            business=number.business, account=number.account, url="https://a.example/",
            is_active=True, fields=["flows"],
        )  # fmt: skip
    made = ask(client, f"{waba}/flows", "POST", name="Tables", categories=["OTHER"])
    flow = made["id"]
    assert code(ask(client, f"{flow}/publish", "POST")) == 139002
    file = SimpleUploadedFile("flow.json", source(FLOW).encode(), "application/json")
    held = {"file": file, "name": "flow.json", "asset_type": "FLOW_JSON"}
    uploaded = client.post(f"/v23.0/{flow}/assets", held).json()
    assert uploaded == {"success": True, "validation_errors": []}
    (asset,) = ask(client, f"{flow}/assets")["data"]
    assert (asset["name"], asset["asset_type"]) == ("flow.json", "FLOW_JSON")
    path = "/flows/" + asset["download_url"].rsplit("/flows/", 1)[1]
    assert Client().get(path).json() == FLOW
    assert Client().get(path[:-1] + "x").status_code == 403
    assert code(ask(client, f"{flow}/deprecate", "POST")) == 139003
    assert ask(client, f"{flow}/publish", "POST") == {"success": True}
    shown = ask(client, flow)
    assert (shown["status"], shown["json_version"], shown["categories"]) == (
        "PUBLISHED", "7.2", ["OTHER"],
    )  # fmt: skip
    assert code(ask(client, flow, "POST", name="x")) == 139001
    assert code(ask(client, flow, "DELETE")) == 139004
    assert ask(client, f"{flow}/deprecate", "POST") == {"success": True}
    with system("test"):
        reported = [
            orjson.loads(bytes(row.body))["entry"][0]["changes"][0]["value"]["new_status"]
            for row in WebhookCall.objects.order_by("id")
        ]
    assert reported == ["PUBLISHED", "DEPRECATED"]


def test_drafts_are_listed_renamed_cloned_migrated_and_deleted(number: Number) -> None:
    client, waba = caller(number), number.account.waba_id
    first = ask(
        client, f"{waba}/flows", "POST", name="A", categories='["SURVEY"]', flow_json=source(FLOW)
    )
    assert first["validation_errors"] == []
    second = ask(client, f"{waba}/flows", "POST", name="B", clone_flow_id=first["id"])["id"]
    assert ask(client, second, "POST", name="C", categories=["OTHER"]) == {"success": True}
    listed = ask(client, f"{waba}/flows")["data"]
    assert [(row["name"], row["categories"]) for row in listed] == [
        ("A", ["SURVEY"]), ("C", ["OTHER"]),
    ]  # fmt: skip
    assert code(ask(client, second, "POST", name="A")) == 100
    other = make_number(number.business)
    moved = ask(
        client, f"{other.account.waba_id}/migrate_flows", "POST",
        source_waba_id=waba, source_flow_names=["A", "nothing"],
    )  # fmt: skip
    assert [row["source_name"] for row in moved["migrated_flows"]] == ["A"]
    assert [row["source_name"] for row in moved["failed_flows"]] == ["nothing"]
    assert ask(client, second, "DELETE") == {"success": True}
    with system("test"):
        assert list(Flow.objects.order_by("id").values_list("name", "account__waba_id")) == [
            ("A", waba), ("A", other.account.waba_id),
        ]  # fmt: skip


def test_a_flow_is_nobody_elses(number: Number) -> None:
    flow = ask(
        caller(number), f"{number.account.waba_id}/flows", "POST", name="A", categories=["OTHER"]
    )["id"]
    stranger = caller(make_number(make_business("Other")))
    for path, method in (
        (flow, "GET"), (flow, "POST"), (flow, "DELETE"), (f"{flow}/assets", "GET"),
        (f"{flow}/publish", "POST"), (f"{flow}/deprecate", "POST"),
        (f"{number.account.waba_id}/flows", "GET"),
    ):  # fmt: skip
        given = {"name": "B"} if method == "POST" else {}
        assert code(ask(stranger, path, method, **given)) == 803
    with system("test"):
        assert Flow.objects.get().name == "A"


@pytest.mark.parametrize(
    ("flow", "errors"),
    [
        (FLOW, []),
        ("{", ["INVALID_JSON"]),
        ("[]", ["INVALID_JSON"]),
        (FLOW | {"version": "1"}, ["INVALID_PROPERTY_VALUE"]),
        (FLOW | {"screens": []}, ["MIN_ITEMS_REQUIRED"]),
        (bent(terminal=False), ["MISSING_TERMINAL_SCREEN"]),
        (bent(id="DETAILS"), ["DUPLICATE_SCREEN_IDS", "INVALID_NAVIGATE_ACTION_SCREEN"]),
        (bent(id="SUCCESS"), ["INVALID_PROPERTY_VALUE", "INVALID_NAVIGATE_ACTION_SCREEN"]),
        (bent(layout={"type": "SingleColumnLayout", "children": [{"type": "Sparkle"}]}),
         ["MISSING_FOOTER", "INVALID_COMPONENT"]),
        (bent(layout={}), ["INVALID_PROPERTY_VALUE", "MIN_ITEMS_REQUIRED", "MISSING_FOOTER"]),
        (FLOW | {"routing_model": {"DETAILS": ["NOWHERE"]}}, ["INVALID_ROUTING_MODEL"]),
        (FLOW | {"data_api_version": "3.0"}, ["MISSING_ROUTING_MODEL"]),
    ],
    ids=range(12),
)  # fmt: skip
def test_a_flows_json_is_checked_by_the_published_rules(flow: Any, errors: list[str]) -> None:
    text = flow if isinstance(flow, str) else source(flow)
    assert [one["error"] for one in validation_errors(text)] == errors


def test_an_error_says_where_it_is() -> None:
    (error,) = validation_errors(source(FLOW | {"routing_model": {"DETAILS": ["NOWHERE"]}}))
    line = source(FLOW | {"routing_model": {"DETAILS": ["NOWHERE"]}}).splitlines()
    assert '"NOWHERE"' in line[error["line_start"] - 1]
    assert line[error["line_start"] - 1][error["column_start"] - 1 :].startswith('"NOWHERE"')
