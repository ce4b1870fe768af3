"""The shape of a template message to send."""

import re
from collections.abc import Callable
from typing import Any

from hosting.cloudapi import fields
from hosting.errors import CloudApiError

COUNT, FORMAT, TOO_LONG, POLICY, CARDS = 132000, 132012, 132005, 132007, 132018
MISSING = 131008
PARTS = (
    "header", "body", "footer", "button", "carousel", "limited_time_offer", "order_status",
    "call_permission_request",
)  # fmt: skip
BUTTONS = (
    "quick_reply", "url", "phone_number", "catalog", "mpm", "copy_code", "flow", "order_details",
    "otp", "voice_call", "spm", "app", "request_contact_info",
)  # fmt: skip
MEDIA = ("image", "video", "document", "gif")
MAX_BODY, MAX_HEADER, MAX_COMPONENTS, MAX_CARDS = 1024, 60, 30, 10
# The protocol's policy forbids these in parameters.
_BROKEN_LINES = re.compile(r"[\n\t]| {5,}")
Parameter = dict[str, Any]


def check_send(content: dict[str, Any]) -> None:
    """Raise CloudApiError for a `template` object of the wrong shape; lower-case its types."""
    fields.text(content, "name", "template", limit=512)
    language = content.get("language")
    if isinstance(language, str):
        content["language"] = {"code": language}
    fields.text(
        fields.mapping(content, "language", "template"), "code", "template.language", limit=15
    )
    given = fields.objects(content, "components", "template", least=0, most=MAX_COMPONENTS)
    content["components"] = given
    for n, component in enumerate(given):
        _check_component(component, f"template.components[{n}]")


def _check_component(component: dict[str, Any], path: str) -> None:
    component["type"] = kind = fields.choice(component, "type", path, PARTS)
    if kind == "button":
        component["sub_type"] = fields.choice(component, "sub_type", path, BUTTONS)
        component["index"] = str(
            fields.integer(component, "index", path, least=0, most=9, required=False)
        )
    cards = fields.objects(component, "cards", path, least=0, most=MAX_CARDS)
    for m, card in enumerate(cards):
        if "card_index" not in card:
            card["card_index"] = m
        held = f"{path}.cards[{m}]"
        card["card_index"] = fields.integer(card, "card_index", held, least=0, most=MAX_CARDS - 1)
        for n, part in enumerate(
            fields.objects(card, "components", f"{path}.cards[{m}]", least=0, most=10)
        ):
            _check_component(part, f"{path}.cards[{m}].components[{n}]")
    for n, parameter in enumerate(fields.objects(component, "parameters", path, least=0, most=100)):
        _check_parameter(parameter, f"{path}.parameters[{n}]")


def _check_parameter(parameter: Parameter, path: str) -> None:
    parameter["type"] = kind = fields.text(parameter, "type", path, limit=60).lower()
    if check := PARAMETERS.get(kind):
        check(parameter, path)


def _text(parameter: Parameter, path: str) -> None:
    # Some clients send numbers.
    if isinstance(parameter.get("text"), int | float) and not isinstance(
        parameter.get("text"), bool
    ):
        parameter["text"] = str(parameter["text"])
    value = fields.text(parameter, "text", path, limit=32768)
    if _BROKEN_LINES.search(value):
        field = f"{path}.text"
        raise CloudApiError(
            POLICY,
            f"{field} must not hold a line break, a tab or over 4 spaces in a row.",
            field=field,
        )


def _currency(parameter: Parameter, path: str) -> None:
    currency = fields.mapping(parameter, "currency", path)
    fields.text(currency, "fallback_value", f"{path}.currency", limit=1024)
    fields.text(currency, "code", f"{path}.currency", limit=3)
    fields.decimal(currency, "amount_1000", f"{path}.currency", limit=10**18)


def _date_time(parameter: Parameter, path: str) -> None:
    held = fields.mapping(parameter, "date_time", path)
    fields.text(held, "fallback_value", f"{path}.date_time", limit=1024)


def _media(parameter: Parameter, path: str) -> None:
    kind = parameter["type"]
    fields.media(fields.mapping(parameter, kind, path), f"{path}.{kind}")


def _location(parameter: Parameter, path: str) -> None:
    place = fields.mapping(parameter, "location", path)
    fields.decimal(place, "latitude", f"{path}.location", limit=90)
    fields.decimal(place, "longitude", f"{path}.location", limit=180)


def _payload(parameter: Parameter, path: str) -> None:
    fields.text(parameter, "payload", path, limit=256)


def _coupon(parameter: Parameter, path: str) -> None:
    fields.text(parameter, "coupon_code", path, limit=20)


def _product(parameter: Parameter, path: str) -> None:
    product = fields.mapping(parameter, "product", path)
    fields.text(product, "product_retailer_id", f"{path}.product", limit=200)


def _offer(parameter: Parameter, path: str) -> None:
    offer = fields.mapping(parameter, "limited_time_offer", path)
    most = 10**15  # milliseconds, some 30,000 years from now
    held = f"{path}.limited_time_offer"
    fields.integer(offer, "expiration_time_ms", held, least=1, most=most)


def _object(parameter: Parameter, path: str) -> None:
    fields.mapping(parameter, parameter["type"], path)


PARAMETERS: dict[str, Callable[[Parameter, str], None]] = {
    "text": _text,
    "currency": _currency,
    "date_time": _date_time,
    "location": _location,
    "payload": _payload,
    "coupon_code": _coupon,
    **dict.fromkeys(MEDIA, _media),
    "product": _product,
    "limited_time_offer": _offer,
    **dict.fromkeys(("action", "order_status"), _object),
}
