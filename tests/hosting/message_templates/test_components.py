"""Every component of a template, created and sent: what does not fit never leaves."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.tenancy import system
from hosting.cloudapi import interactive, sends
from hosting.cloudapi.definitions import check_components, check_format
from hosting.cloudapi.templates import rendered
from hosting.errors import CloudApiError
from hosting.models import Message, Number, Outgoing, Template
from tests.factories import make_business, make_number
from tests.hosting.messages.test_account_objects import create
from tests.hosting.messages.test_endpoints import code_of
from tests.hosting.messages.test_send import Line

DATA = Path(__file__).parent / "data"
Parts = list[dict[str, Any]]


def reported(name: str) -> Any:
    return json.loads((DATA / f"template_{name}.json").read_text())


def text(*values: str) -> Parts:
    return [{"type": "text", "text": value} for value in values]


def part(kind: str, *parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": kind, "parameters": list(parameters)} | more


def button(sub_type: str, *parameters: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return part("button", *parameters, sub_type=sub_type, index=str(index))


def refused(definition: Parts, given: Parts) -> tuple[int, str]:
    with pytest.raises(CloudApiError) as error:
        rendered(definition, given)
    return error.value.number, error.value.details


NAMED = reported("named")["create"]["components"]
ANN = {"type": "text", "parameter_name": "customer_name", "text": "Ann"}
SEVEN = {"type": "text", "parameter_name": "time_slot", "text": "7 pm"}


def test_named_variables_are_filled_by_name_only() -> None:
    assert refused(NAMED, reported("named")["send_positional"]) == (
        100,
        "body: parameter name is missing; expected customer_name, time_slot.",
    )
    assert refused(NAMED, [part("body", ANN, text("7 pm")[0])])[0] == 100
    assert refused(NAMED, [part("body", ANN)])[0] == 132000
    assert refused(NAMED, [part("body", ANN, ANN)])[0] == 132000
    assert refused(NAMED, [part("body", ANN, SEVEN | {"parameter_name": "x"})])[0] == 132012
    assert refused(NAMED, [])[0] == 132000
    whole = rendered(NAMED, [part("body", SEVEN, ANN)])
    assert whole == "Hello Ann, your table is at 7 pm today."


def test_a_value_that_looks_like_a_variable_is_a_value() -> None:
    given = part("body", ANN | {"text": "{{time_slot}}"}, SEVEN)
    assert "{{time_slot}}" in rendered(NAMED, [given])


@pytest.fixture
def line(db: None) -> Line:
    return Line()


def test_a_message_with_an_unfilled_variable_never_leaves(line: Line) -> None:
    made = reported("named")
    assert create(line.number, **made["create"]).status_code == 200
    with system("test"):
        before = Message.objects.count()
    held = {"name": "bug_named", "language": {"code": "en_US"}}
    body = {"type": "template", "template": held | {"components": made["send_positional"]}}
    code, details = line.refused(body)
    assert (code, "parameter name is missing" in details) == (100, True)
    with system("test"):
        assert Template.objects.get().parameter_format == "NAMED"
        assert Outgoing.objects.count() == 0
        assert Message.objects.exclude(status="failed").count() == before


CARD: Parts = [
    {"type": "HEADER", "format": "IMAGE"},
    {"type": "BODY", "text": "Bread {{1}}"},
    {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}]},
]
CAROUSEL: Parts = [
    {"type": "BODY", "text": "Our best."},
    {"type": "CAROUSEL", "cards": [{"components": CARD}, {"components": CARD}]},
]


def card(n: int, *bodies: str, header: bool = True) -> dict[str, Any]:
    image = part("header", {"type": "image", "image": {"id": "1"}})
    body = [part("body", *text(*bodies))] if bodies else []
    return {"card_index": n, "components": [*([image] if header else []), *body]}


def carousel(*cards: dict[str, Any]) -> Parts:
    return [{"type": "carousel", "cards": list(cards)}]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], 132018),
        (carousel(card(0, "a")), 132018),
        (carousel(card(0), card(1)), 132000),
        (carousel(card(0, "a"), card(1, "a", "b")), 132000),
        (carousel(card(0, "a"), card(1, "b"), card(2, "c")), 132018),
        (carousel(card(0, "a"), card(0, "b")), 132018),
        (carousel(card(1, "a"), card(2, "b")), 132018),
        (carousel(card(0, "a"), card(1, "b", header=False)), 132012),
    ],
)
def test_a_carousel_is_sent_with_all_its_cards(given: Parts, code: int) -> None:
    assert refused(CAROUSEL, given)[0] == code


def test_a_whole_carousel_is_taken_in_any_order() -> None:
    assert rendered(CAROUSEL, carousel(card(1, "two"), card(0, "one"))) == (
        "Our best.\nBread one\nBread two"
    )
    assert refused([CAROUSEL[0]], carousel(card(0, "a")))[0] == 132018


def test_a_carousel_that_lacks_cards_leaves_nothing(line: Line) -> None:
    made = create(line.number, category="MARKETING", components=CAROUSEL)
    assert made.status_code == 200
    held = {"name": "hello", "language": {"code": "en_US"}}
    assert line.refused({"type": "template", "template": held})[0] == 132018
    with system("test"):
        assert Outgoing.objects.count() == 0


def test_cards_of_products_are_as_many_as_there_are_products() -> None:
    components = [
        {"type": "HEADER", "format": "PRODUCT"},
        {"type": "BUTTONS", "buttons": [{"type": "SPM", "text": "View"}]},
    ]
    definition = [CAROUSEL[0], {"type": "CAROUSEL", "cards": [{"components": components}] * 2}]
    product = {"type": "product", "product": {"product_retailer_id": "a", "catalog_id": "1"}}

    def cards(count: int) -> Parts:
        return carousel(
            *({"card_index": n, "components": [part("header", product)]} for n in range(count))
        )

    assert rendered(definition, cards(5)) == "Our best."
    assert refused(definition, cards(1))[0] == 132018


@pytest.mark.parametrize("header", reported("headers"))
def test_headers_of_products_and_gifs_are_taken(db: None, header: dict[str, Any]) -> None:
    number = make_number(make_business())
    parts = [header, {"type": "BODY", "text": "Fresh bread"}]
    assert create(number, category="MARKETING", components=parts).status_code == 200
    form = header["format"].lower()
    held = {"product_retailer_id": "a"} if form == "product" else {"id": "1"}
    good = part("header", {"type": form, form: held})
    sends.CHECKS["template"]({"name": "x", "language": {"code": "en"}, "components": [good]})
    assert rendered(parts, [good]) == "Fresh bread"
    assert refused(parts, [])[0] == 132012
    assert refused(parts, [part("header", *text("x"))])[0] == 132012


def test_the_file_of_a_gif_is_a_film() -> None:
    gif = {"components": [part("header", {"type": "gif", "gif": {"id": "1"}})]}
    assert list(sends.media_of("template", gif)) == [("video", {"id": "1"})]


OFFER = {
    "type": "LIMITED_TIME_OFFER",
    "limited_time_offer": {"text": "Ends soon!", "has_expiration": True},
}
EXPIRES = {
    "type": "limited_time_offer",
    "limited_time_offer": {"expiration_time_ms": 1796000000000},
}
BODY = {"type": "BODY", "text": "Fresh bread"}


def buttons(*some: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(some)}


COUPON = {"type": "coupon_code", "coupon_code": "RYE"}
ITEMS = {"product_items": [{"product_retailer_id": "a"}], "title": "Bread"}
ACTION = {"type": "action", "action": {"thumbnail_product_retailer_id": "a", "sections": [ITEMS]}}


@pytest.mark.parametrize(
    ("component", "good", "wrong"),
    [
        (
            OFFER,
            [part("limited_time_offer", EXPIRES)],
            [([], 131008), ([part("limited_time_offer", *text("x"))], 132012)],
        ),
        (
            buttons({"type": "COPY_CODE", "example": "X"}),
            [button("copy_code", COUPON)],
            [
                ([], 131008),
                ([button("copy_code", *text("x"))], 132012),
                ([button("copy_code", COUPON, COUPON)], 132000),
            ],
        ),
        (
            buttons({"type": "OTP", "otp_type": "COPY_CODE"}),
            [button("url", *text("123456"))],
            [([], 131008), ([button("url", COUPON)], 132012), ([button("flow")], 132012)],
        ),
        (
            buttons({"type": "MPM", "text": "View items"}),
            [button("mpm", ACTION)],
            [
                ([], 131008),
                ([button("mpm", {"type": "action", "action": {"sections": []}})], 131008),
                ([button("mpm", {"type": "action", "action": {"sections": [{}]}})], 131008),
            ],
        ),
        (
            buttons({"type": "URL", "text": "Open", "url": "https://x.example/{{1}}"}),
            [button("url", *text("a"))],
            [
                ([], 131008),
                ([button("url", *text("a", "b"))], 132000),
                ([button("url", COUPON)], 132012),
            ],
        ),
        (
            buttons({"type": "URL", "text": "Open", "url": "https://x.example/"}),
            [],
            [([button("url", *text("a"))], 132000)],
        ),
        (
            buttons({"type": "CATALOG", "text": "View"}),
            [],
            [([button("catalog", *text("a"))], 132012)],
        ),
        (
            {"type": "HEADER", "format": "LOCATION"},
            [part("header", {"type": "location", "location": {"latitude": 1, "longitude": 2}})],
            [([], 132012), ([part("header", {"type": "image", "image": {"id": "1"}})], 132012)],
        ),
    ],
)
def test_every_component_is_filled_as_it_must_be(
    component: dict[str, Any], good: Parts, wrong: list[tuple[Parts, int]]
) -> None:
    definition = [BODY, component]
    assert rendered(definition, good) == "Fresh bread"
    for given, code in wrong:
        assert refused(definition, given)[0] == code
    if good and component["type"] != "HEADER":
        assert refused([BODY], good)[0] in (132000, 132012)


def test_the_shape_of_new_parameters_is_checked() -> None:
    def check(*components: dict[str, Any]) -> None:
        held = {"name": "x", "language": {"code": "en"}, "components": list(components)}
        sends.CHECKS["template"](held)

    check(part("limited_time_offer", EXPIRES), *carousel(card(0, "a"), card(1, "b")))
    for wrong in (
        part("limited_time_offer", {"type": "limited_time_offer", "limited_time_offer": {}}),
        part("header", {"type": "product", "product": {}}),
        part("header", {"type": "gif", "gif": {}}),
        *carousel({"card_index": 10, "components": []}),
        *carousel({"card_index": "a", "components": []}),
    ):
        with pytest.raises(CloudApiError):
            check(wrong)


def made(*parts: dict[str, Any], category: str = "marketing", wanted: str = "") -> str:
    checked = check_components([json.loads(orjson.dumps(one)) for one in parts], category)
    return check_format(checked, wanted)


def with_cards(*cards: Parts) -> dict[str, Any]:
    return {"type": "CAROUSEL", "cards": [{"components": one} for one in cards]}


@pytest.mark.parametrize(
    ("parts", "category", "code"),
    [
        ([BODY, with_cards(CARD)], "marketing", 131009),
        ([BODY, with_cards(*[CARD] * 11)], "marketing", 131009),
        ([BODY, with_cards(CARD, CARD[:2])], "marketing", 100),
        ([BODY, with_cards(CARD[1:], CARD[1:])], "marketing", 2388047),
        (
            [BODY, with_cards(*[[CARD[0], {"type": "BODY", "text": "x" * 161}]] * 2)],
            "marketing",
            2388040,
        ),
        ([BODY, OFFER], "utility", 100),
        ([BODY, OFFER, {"type": "FOOTER", "text": "f"}], "marketing", 2388073),
        ([BODY | {"text": "x" * 601}, OFFER], "marketing", 2388040),
        (
            [BODY, OFFER | {"limited_time_offer": {"text": "x" * 17}}],
            "marketing",
            131009,
        ),
        ([BODY, buttons({"type": "OTP", "otp_type": "COPY_CODE"})], "utility", 100),
        ([BODY, buttons({"type": "OTP", "otp_type": "X"})], "authentication", 131009),
        ([BODY, buttons({"type": "COPY_CODE", "example": "x" * 21})], "marketing", 100),
        ([BODY | {"text": "Hi {{1}} and {{name}} there"}], "marketing", 2388072),
        ([BODY | {"text": "Hi {{Name}} there"}], "marketing", 100),
    ],
)
def test_definitions_outside_the_rules_are_refused(parts: Parts, category: str, code: int) -> None:
    with pytest.raises(CloudApiError) as error:
        made(*parts, category=category)
    assert error.value.number == code


def test_the_format_of_variables_is_that_of_the_text() -> None:
    assert made(BODY | {"text": "Hi {{name}} there"}) == "NAMED"
    assert made(BODY | {"text": "Hi {{1}} there"}) == "POSITIONAL"
    assert made(BODY, wanted="NAMED") == "NAMED"
    assert made(*CAROUSEL) == "POSITIONAL"
    with pytest.raises(CloudApiError, match="parameter_format is POSITIONAL"):
        made(BODY | {"text": "Hi {{name}} there"}, wanted="POSITIONAL")


def test_a_template_of_another_format_than_it_says_is_not_made(db: None) -> None:
    number: Number = make_number(make_business())
    parts = [BODY | {"text": "Hi {{1}} there"}]
    assert code_of(create(number, parameter_format="NAMED", components=parts)) == (400, 100)
    with system("test"):
        assert not Template.objects.exists()


def shown_card(n: int, **changes: Any) -> dict[str, Any]:
    link = {"display_text": "Buy", "url": "https://x.example/"}
    return {
        "card_index": n,
        "type": "cta_url",
        "header": {"type": "image", "image": {"link": "https://x.example/1.png"}},
        "body": {"text": "Bread"},
        "action": {"name": "cta_url", "parameters": link},
    } | changes


def check_interactive(*cards: dict[str, Any]) -> None:
    held = {"type": "carousel", "body": {"text": "Ours"}, "action": {"cards": list(cards)}}
    interactive.check(held)


REPLIES = {"buttons": [{"type": "quick_reply", "quick_reply": {"id": "a", "title": "Yes"}}]}


def test_interactive_carousels_are_checked_card_by_card() -> None:
    check_interactive(shown_card(0), shown_card(1))
    check_interactive(*(shown_card(n, type="quick_reply", action=REPLIES) for n in range(10)))
    product = {"product_retailer_id": "a", "catalog_id": "1"}
    check_interactive(*({"card_index": n, "type": "product", "action": product} for n in range(3)))
    for wrong in (
        [shown_card(0)],
        [shown_card(n) for n in range(11)],
        [shown_card(0), shown_card(2)],
        [shown_card(0), shown_card(1, type="quick_reply", action=REPLIES)],
        [shown_card(0), shown_card(1, header={"type": "text", "text": "x"})],
        [shown_card(0), shown_card(1, body={"text": "x" * 161})],
        [shown_card(0), shown_card(1, action={"parameters": {"display_text": "Buy"}})],
        [shown_card(0), shown_card(1, type="quick_reply", action={"buttons": []})],
        [shown_card(0), {"card_index": 1, "type": "product", "action": {}}],
    ):
        with pytest.raises(CloudApiError):
            check_interactive(*wrong)


OTP: dict[str, Any] = {
    "name": "code",
    "category": "AUTHENTICATION",
    "components": [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
    ],
}


def post(line: Line, path: str, held: Any) -> Any:
    return line.client.post(f"/v23.0/{path}", orjson.dumps(held), "application/json")


def test_a_one_time_password_is_made_in_several_languages_and_changed(line: Line) -> None:
    path = f"{line.number.account.waba_id}/upsert_message_templates"
    made = post(line, path, OTP | {"languages": ["en_US", "de", "de"]}).json()["data"]
    assert [(one["language"], one["status"]) for one in made] == [
        ("en_US", "APPROVED"),
        ("de", "APPROVED"),
    ]
    parts = [{"type": "BODY"}, OTP["components"][1]]
    again = post(line, path, OTP | {"components": parts, "languages": ["de", "fr"]}).json()["data"]
    assert again[0]["id"] == made[1]["id"]
    with system("test"):
        texts = {row.language: row.components[0]["text"] for row in Template.objects.all()}
    assert sorted(texts) == ["de", "en_US", "fr"]
    assert "do not share" in texts["en_US"]
    assert "do not share" not in texts["de"]
    for wrong in (
        OTP,
        OTP | {"languages": []},
        OTP | {"languages": ["es", "nonsense"]},
        OTP | {"languages": ["es"], "category": "MARKETING"},
    ):
        assert code_of(post(line, path, wrong))[0] == 400
    with system("test"):
        assert Template.objects.count() == 3


def test_a_pause_ends_when_it_is_asked_to(line: Line) -> None:
    create(line.number)
    with system("test"):
        template = Template.objects.get()
        Template.objects.update(status="PAUSED")
    path = f"{template.template_id}/unpause"
    assert post(line, path, {}).json() == {"success": True}
    with system("test"):
        assert Template.objects.get().status == "APPROVED"
    assert code_of(post(line, path, {})) == (400, 100)
    assert code_of(post(line, "12345/unpause", {})) == (404, 803)
