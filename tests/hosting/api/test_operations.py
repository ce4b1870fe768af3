"""All 113 operations of Meta's OpenAPI document: each answers, or refuses in the protocol's shape.

`docs/cloud-api.md` has the table, which this test compares; with UPDATE_DOCS=1 it writes it.
"""

import os
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.test import Client

from core.tenancy import system
from hosting.models import Flow, Number, SimulatedPhone
from hosting.transports import sandbox
from tests.factories import make_business, make_messages, make_number, make_template
from tests.hosting.api.test_flows import FLOW, source
from tests.hosting.messages.test_endpoints import NOON, TO, caller

OPERATIONS = (Path(__file__).parent / "data" / "operations.txt").read_text().splitlines()
DOCS = Path(settings.BASE_DIR) / "docs" / "cloud-api.md"
MARKS = "<!-- operations -->\n", "<!-- end of operations -->\n"
UNKNOWN = "9" * 15
TEMPLATE = {"name": "order_update", "language": {"code": "en_US"}, "components": [
    {"type": "body", "parameters": [{"type": "text", "text": "7"}]}
]}  # fmt: skip
PERSON = {"name": "A", "email": "a@example.com", "mobile_number": "+913854559033"}
MESSAGE = {"messaging_product": "whatsapp", "to": TO}


def bodies() -> dict[str, dict[str, Any]]:
    key = generate_private_key(65537, 2048).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    user = {"user": TO}
    return {
        "POST /{Phone-Number-ID}/block_users": {"block_users": [user]},
        "DELETE /{Phone-Number-ID}/block_users": {"block_users": [user]},
        "POST /{Phone-Number-ID}/marketing_messages": MESSAGE
        | {"type": "template", "template": TEMPLATE},
        "POST /{Phone-Number-ID}/messages": MESSAGE | {"type": "template", "template": TEMPLATE},
        "POST /{Phone-Number-ID}/message_qrdls": {"prefilled_message": "Hello"},
        "POST /{Phone-Number-ID}": {"pin": "123456"},
        "POST /{Phone-Number-ID}/register": {"pin": "123456"},
        "POST /{Phone-Number-ID}/request_code": {"code_method": "SMS", "language": "en"},
        "POST /{Phone-Number-ID}/settings": {"calling": {"status": "disabled"}},
        "POST /{Phone-Number-ID}/whatsapp_business_encryption": {"business_public_key": pem},
        "POST /{Phone-Number-ID}/whatsapp_business_profile": {"about": "We bake"},
        "POST /{Phone-Number-ID}/whatsapp_commerce_settings": {"is_cart_enabled": "true"},
        "POST /{Phone-Number-ID}/business_compliance_info": {
            "entity_name": "Bakery",
            "entity_type": "PARTNERSHIP",
            "grievance_officer_details": PERSON,
            "customer_care_details": PERSON,
        },
        "POST /{Phone-Number-ID}/conversational_automation": {
            "enable_welcome_message": True,
            "prompts": ["Opening hours?"],
            "commands": [{"command_name": "menu", "command_description": "What we bake"}],
        },
        "POST /{WABA-ID}/flows": {"name": "second", "categories": ["OTHER"]},
        "POST /{WABA-ID}/migrate_flows": {"source_waba_id": "own", "source_flow_names": ["none"]},
        "POST /{WhatsApp-Business-Profile-ID}": {"about": "We bake"},
        "POST /{Flow-ID}": {"name": "renamed"},
        "POST /{Flow-ID}/assets": {"asset_type": "FLOW_JSON", "file": source(FLOW)},
        "POST /{WABA-ID}/phone_numbers": {"phone_number": "16315551000", "verified_name": "Two"},
        "POST /{WABA-ID}/message_templates": {
            "name": "made_here",
            "language": "en_US",
            "category": "UTILITY",
            "components": [{"type": "BODY", "text": "Hello"}],
        },
        "POST /{TEMPLATE_ID}": {"components": [{"type": "BODY", "text": "Changed"}]},
        "DELETE /{WABA-ID}/message_templates": {"name": "made_here"},
        "POST /{WABA-ID}": {"name": "Renamed"},
    }


def ids(number: Number, client: Client) -> dict[str, str]:
    waba = number.account.waba_id
    with system("test"):
        flow = Flow.objects.create(
            business=number.business, account=number.account, name="first", categories=["OTHER"]
        )
        template = make_template(number, "to_change", status="REJECTED")
        (sent,) = make_messages(number.business, number, 1, to=TO)
        phone = SimulatedPhone.objects.create(business=number.business, wa_id=TO, name="Ann")
    said = {"body": "x"}
    sandbox.send_from_phone(simulated_phone=phone, number=number, kind="text", content=said)
    link = client.post(
        f"/v23.0/{number.phone_number_id}/message_qrdls", {"prefilled_message": "Hi"}
    ).json()
    upload = client.post(
        f"/v23.0/{number.phone_number_id}/media",
        {"file": _picture(), "type": "image/png", "messaging_product": "whatsapp"},
    ).json()
    return {
        "Application-ID": waba, "Business-ID": str(number.business_id),
        "Phone-Number-ID": number.phone_number_id, "QR-Code-ID": link["code"],
        "Media-ID": upload["id"], "Message-History-ID": str(sent), "Flow-ID": flow.flow_id,
        "WABA-ID": waba, "WhatsApp-Business-Account-ID": waba, "TEMPLATE_ID": template.template_id,
        "WhatsApp-Account-Number-ID": number.phone_number_id,
        "WhatsApp-Business-Profile-ID": number.phone_number_id, "group_id": "Y2FwaV9ncm91cDox",
    }  # fmt: skip


def _picture() -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from tests.hosting.messages.test_objects import PNG

    return SimpleUploadedFile("x.png", PNG, "image/png")


def outcome(client: Client, operation: str, names: dict[str, str], given: dict[str, Any]) -> str:
    method, path = operation.split()
    if "{Media-URL}" in path:
        url = client.get(f"/v23.0/{names['Media-ID']}").json()["url"]
        address = "/media/" + url.rsplit("/media/", 1)[1]
        return str(client.get(address).status_code)
    if operation == "POST /{Phone-Number-ID}/media":
        held = {"file": _picture(), "type": "image/png", "messaging_product": "whatsapp"}
        return str(client.post(f"/v23.0/{names['Phone-Number-ID']}/media", held).status_code)
    address = "/v23.0" + re.sub(r"\{([^}]+)\}", lambda m: names.get(m[1], UNKNOWN), path)
    if operation == "POST /whatsapp/webhooks":
        address = "/webhooks/"
    query = {
        "POST /{Phone-Number-ID}/verify_code": f"?code={names['code']}",
        "DELETE /{WABA-ID}/message_templates": "?name=made_here",
    }.get(operation, "")
    response = client.generic(
        method, address + query, orjson.dumps(given) if given else b"", "application/json"
    )
    if operation == "POST /whatsapp/webhooks":
        return str(response.status_code)
    body = orjson.loads(response.content)
    error = body.get("error")
    if error is None:
        assert response.status_code == 200, (operation, body)
        return "200"
    assert set(error) >= {"message", "type", "code", "fbtrace_id"}, operation
    assert response.status_code < 500, (operation, body)
    return f"{error['code']}: {error['error_data']['details'].replace(names['group_id'], '…')}"


# What a test does to itself comes last.
LAST = ("DELETE /{Media-ID}", "POST /{Phone-Number-ID}/deregister", "DELETE /{Flow-ID}")
ORDER = ("POST /{Flow-ID}/assets", "POST /{Flow-ID}/publish", "POST /{Flow-ID}/deprecate")


def results(db_number: Number) -> dict[str, str]:
    client = caller(db_number)
    names, given = ids(db_number, client), bodies()
    given["POST /{WABA-ID}/migrate_flows"]["source_waba_id"] = names["WABA-ID"]
    names["code"] = db_number.digits[-6:]
    said: dict[str, str] = {}
    first = [one for one in OPERATIONS if one not in (*LAST, *ORDER)]
    with system("test"):
        spare = Flow.objects.create(
            business=db_number.business, account=db_number.account, name="x", categories=["OTHER"]
        )
    for operation in (*first, *ORDER, *LAST):
        own = names | ({"Flow-ID": spare.flow_id} if operation == "DELETE /{Flow-ID}" else {})
        said[operation] = outcome(client, operation, own, given.get(operation, {}))
    return said


def table(said: dict[str, str]) -> str:
    rows = ["| operation | here |", "|---|---|"]
    for operation in OPERATIONS:
        method, path = operation.split()
        found = said[operation].replace(UNKNOWN, "…")
        told = "answers" if found == "200" else f"refused, {found}"
        if operation == "POST /whatsapp/webhooks":
            told = "answers, to what is signed"
        rows.append(f"| `{method} {path}` | {told} |")
    return "\n".join(rows) + "\n"


@pytest.fixture
def number(db: None) -> Number:
    number = make_number(make_business(clock_at=NOON))
    make_template(number)
    return number


def test_every_published_operation_is_answered_as_the_table_says(number: Number) -> None:
    assert len(OPERATIONS) == len(set(OPERATIONS)) == 113
    made = table(results(number))
    before, _, rest = DOCS.read_text().partition(MARKS[0])
    known, _, after = rest.partition(MARKS[1])
    if os.environ.get("UPDATE_DOCS"):
        DOCS.write_text(before + MARKS[0] + made + MARKS[1] + after)
        known = made
    assert made == known
    assert made.count("| answers") == 65


def test_without_a_key_no_operation_answers(number: Number) -> None:
    for operation in OPERATIONS:
        method, path = operation.split()
        if "{Media-URL}" in path or path == "/whatsapp/webhooks":
            continue
        path = path.replace("{QR-Code-ID}", "AAAAAAAAAAAAAA")
        address = "/v23.0" + re.sub(r"\{([^}]+)\}", UNKNOWN, path)
        response = Client().generic(method, address, b"{}", "application/json")
        assert (response.status_code, response.json()["error"]["code"]) == (401, 190), operation
