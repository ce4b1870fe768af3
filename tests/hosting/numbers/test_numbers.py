"""Numbers in detail: paging both ways, half hours, dimensions, registration's limits, QR codes,
pictures, activities.
"""

from datetime import timedelta
from io import BytesIO
from typing import Any

import orjson
import pytest
from django.test import Client
from PIL import Image

from accounts.audit import record
from core.tenancy import system
from hosting.inbound import events
from hosting.models import Message, Number, Webhook, WebhookCall
from hosting.transports import sandbox
from tests.factories import make_business, make_key, make_number
from tests.hosting.messages.test_endpoints import NOON, caller, code_of, post, status, write
from tests.hosting.messages.test_incoming_endpoint import knock, webhook
from tests.hosting.messages.test_objects import PNG, ask, body_of, upload, uploaded


@pytest.fixture
def number(db: None, settings: Any, tmp_path: Any) -> Number:
    settings.MEDIA_ROOT = str(tmp_path)
    return make_number(make_business(clock_at=NOON), digits="15550783881")


def test_a_list_is_paged_forwards_and_back(number: Number) -> None:
    for n in range(5):
        ask(number, "POST", "message_qrdls", {"prefilled_message": str(n)})
    client = caller(number)
    path, seen = f"/v23.0/{number.phone_number_id}/message_qrdls?limit=2", []
    pages = []
    while path:
        pages.append(client.get(path).json())
        seen.append([row["prefilled_message"] for row in pages[-1]["data"]])
        path = pages[-1]["paging"].get("next", "")
    assert seen == [["0", "1"], ["2", "3"], ["4"]]
    back, path = [], pages[-1]["paging"]["previous"]
    while path:
        page = client.get(path).json()
        back.append([row["prefilled_message"] for row in page["data"]])
        path = page["paging"].get("previous", "")
    assert back == [["2", "3"], ["0", "1"]]
    assert "previous" not in pages[0]["paging"]


def test_a_key_in_the_address_is_not_repeated(number: Number) -> None:
    with system("test"):
        given = {"business": number.business, "account": number.account}
        Number.objects.create(**given, verified_name="2", digits="15551234567")
    key = make_key(number.business)
    path = f"/v23.0/{number.account.waba_id}/phone_numbers?limit=1&access_token={key}"
    shown = Client().get(path)
    assert (shown.status_code, "next" in shown.json()["paging"]) == (200, True)
    assert key.encode() not in shown.content


def test_half_hours_and_dimensions(number: Number) -> None:
    write(number)
    for minutes in (0, 29, 31):
        number.business.clock_at = NOON + timedelta(minutes=minutes)
        with system("test"):
            number.business.save(update_fields=["clock_at"])
        assert post(caller(number), number).status_code == 200
        sandbox.deliver_due()
        events.apply_due()
    start, end = int(NOON.timestamp()), int((NOON + timedelta(hours=1)).timestamp())
    client, path = caller(number), f"/v23.0/{number.account.waba_id}"
    found = client.get(f"{path}/analytics?start={start}&end={end}&granularity=HALF_HOUR").json()
    assert found["data_points"] == [
        {"start": start, "end": start + 1800, "sent": 2, "delivered": 2},
        {"start": start + 1800, "end": start + 3600, "sent": 1, "delivered": 1},
    ]
    asked = f"{path}/conversation_analytics?start={start}&end={end}&granularity=DAILY"
    for written in ('["PHONE"]', "[PHONE]", "(PHONE)", "PHONE"):
        (point,) = client.get(asked, {"dimensions": written} | dict(_query(asked))).json()["data"][
            0
        ]["data_points"]
        assert {key: point[key] for key in point if key not in ("start", "end")} == {
            "conversation": 1,
            "cost": 0.0,
            "phone_number": "15550783881",
        }
    (whole,) = client.get(asked).json()["data"][0]["data_points"]
    assert (whole["conversation_type"], whole["conversation_direction"]) == (
        "REGULAR",
        "USER_INITIATED",
    )
    (reported,) = client.get(f"{asked}&dimensions=COUNTRY&metric_types=CONVERSATION").json()[
        "data"
    ][0]["data_points"]
    assert {key: reported[key] for key in reported if key not in ("start", "end")} == {
        "conversation": 1,
        "country": "US",
    }
    for codes, count in (("US,DE", 1), ("DE", 0)):
        assert (
            len(client.get(f"{asked}&country_codes={codes}").json()["data"][0]["data_points"])
            == count
        )
    assert (
        client.get(f"{asked}&conversation_categories=MARKETING").json()["data"][0]["data_points"]
        == []
    )


def _query(path: str) -> list[tuple[str, str]]:
    return [tuple(part.split("=")) for part in path.partition("?")[2].split("&")]  # type: ignore[misc]


def test_registration_has_its_states_and_its_limit(db: None, redis: Any) -> None:
    number = make_number(make_business(), is_verified=False, is_registered=False)
    pin = {"messaging_product": "whatsapp", "pin": "123456"}
    assert ask(number, "GET", "?fields=status,code_verification_status")[1] == {
        "id": number.phone_number_id,
        "status": "DISCONNECTED",
        "code_verification_status": "NOT_VERIFIED",
    }
    assert ask(number, "POST", "register", pin)[1]["error"]["code"] == 133006
    assert ask(number, "POST", f"verify_code?code={number.digits[-6:]}")[0] == 200
    statuses = [
        ask(number, "POST", edge, pin)[0] for _ in range(5) for edge in ("register", "deregister")
    ]
    assert statuses == [200] * 10
    refused = ask(number, "POST", "register", pin)
    assert (refused[0], refused[1]["error"]["code"]) == (400, 133016)
    with system("test"):
        assert Number.objects.get(pk=number.pk).is_registered is False


def test_qr_codes(number: Number) -> None:
    made = ask(
        number, "POST", "message_qrdls", {"prefilled_message": "Hi", "generate_qr_image": "SVG"}
    )[1]
    path = made["qr_image_url"].partition("/qr/")[2]
    svg = Client().get(f"/qr/{path}")
    assert (svg.status_code, svg["Content-Type"], svg.content[:5]) == (
        200,
        "image/svg+xml",
        b"<?xml",
    )
    listed = ask(number, "GET", "message_qrdls?fields=code,qr_image_url.format(PNG)")[1]["data"]
    assert [sorted(row) for row in listed] == [["code", "qr_image_url"]]
    png = Client().get("/qr/" + listed[0]["qr_image_url"].partition("/qr/")[2])
    assert Image.open(BytesIO(png.content)).format == "PNG"
    wrong = {"prefilled_message": "Hi", "generate_qr_image": "GIF"}
    assert ask(number, "POST", "message_qrdls", wrong)[1]["error"]["code"] == 100
    assert len(ask(number, "GET", "message_qrdls")[1]["data"]) == 1
    assert "qr_image_url" not in ask(number, "GET", "message_qrdls")[1]["data"][0]


def test_a_profile_picture_has_an_address(number: Number) -> None:
    client = caller(number)
    assert (
        ask(number, "GET", "whatsapp_business_profile")[1]["data"][0]["profile_picture_url"] == ""
    )
    handle = f"4::{uploaded(client, number)}"
    assert (
        ask(number, "POST", "whatsapp_business_profile", {"profile_picture_handle": handle})[0]
        == 200
    )
    url = ask(number, "GET", "whatsapp_business_profile?fields=profile_picture_url")[1]["data"][0][
        "profile_picture_url"
    ]
    assert body_of(Client().get("/media/" + url.partition("/media/")[2])) == PNG


def test_a_number_says_its_country(number: Number) -> None:
    rows = caller(number).get(f"/v23.0/{number.account.waba_id}/phone_numbers").json()["data"]
    assert (rows[0]["country_dial_code"], rows[0]["host_platform"]) == ("1", "CLOUD_API")


def test_activities_are_the_audit_log(number: Number) -> None:
    with system("test"):
        record.record(action="webhook.added", subject="https://a/", business=number.business)
        record.record(action="plan.changed", subject="free")
    rows = caller(number).get(f"/v23.0/{number.account.waba_id}/activities").json()["data"]
    assert [(row["activity_type"], row["description"], row["actor_type"]) for row in rows] == [
        ("webhook.added", "https://a/", "SYSTEM"),
    ]
    stranger = make_number(make_business("Stranger"))
    assert code_of(caller(stranger).get(f"/v23.0/{number.account.waba_id}/activities")) == (
        404,
        803,
    )


def test_media_by_key_alone(number: Number) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    held = SimpleUploadedFile("a.png", PNG, content_type="image/png")
    form = {"messaging_product": "whatsapp", "type": "image/png", "file": held}
    answer = Client(headers={"D360-API-KEY": make_key(number.business)}).post("/media", form)
    assert (answer.status_code, answer.json()["id"].isdigit()) == (200, True)


def webp(moves: bool) -> bytes:
    made = BytesIO()
    pictures = [Image.effect_noise((512, 512), n).convert("RGB") for n in (200, 100)]
    more = {"save_all": True, "append_images": pictures[1:], "duration": 90} if moves else {}
    pictures[0].save(made, "WEBP", quality=60, **more)
    return made.getvalue()


def test_a_still_sticker_is_smaller_than_one_that_moves(number: Number) -> None:
    still, moving = webp(False), webp(True)
    assert 100 * 1024 < len(still) < len(moving) < 500 * 1024
    assert code_of(upload(caller(number), number, still, "image/webp")) == (400, 131053)
    assert upload(caller(number), number, moving, "image/webp").status_code == 200


@pytest.mark.parametrize(
    ("reported", "priced"),
    [(("sent", "delivered", "read"), ["sent", "delivered"]), (("sent", "read"), ["sent", "read"])],
)
def test_pricing_goes_with_the_first_proof_of_delivery(
    number: Number, reported: tuple[str, ...], priced: list[str]
) -> None:
    with system("test"):
        Webhook.objects.create(
            business=number.business, account=number.account, url="http://127.0.0.1:9/"
        )
    write(number)
    wamid = post(caller(number), number).json()["messages"][0]["id"]
    for n, name in enumerate(reported):
        assert (
            knock(
                number, webhook(number, statuses=[status(wamid, name, NOON + timedelta(seconds=n))])
            )
            == 200
        )
        events.apply_due()
    with system("test"):
        bodies = [orjson.loads(bytes(call.body)) for call in WebhookCall.objects.order_by("id")]
        assert Message.objects.get(wamid=wamid).status == "read"
    found = [
        one
        for body in bodies
        for one in body["entry"][0]["changes"][0]["value"].get("statuses", [])
    ]
    assert [one["status"] for one in found if "pricing" in one] == priced
    assert [
        ("expiration_timestamp" in one["conversation"]) for one in found if "conversation" in one
    ] == [True, False]
