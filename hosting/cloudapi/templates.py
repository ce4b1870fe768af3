"""Template messages: the shape of a send, and its check against the template."""

import re
from collections.abc import Callable
from typing import Any

from hosting.cloudapi import fields
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.cloudapi.texts import PLACEHOLDER, fill, placeholders
from hosting.errors import CloudApiError

COUNT, FORMAT, TOO_LONG, POLICY = 132000, 132012, 132005, 132007
PARTS = (
    "header", "body", "footer", "button", "carousel", "limited_time_offer", "order_status",
    "call_permission_request",
)  # fmt: skip
BUTTONS = (
    "quick_reply", "url", "phone_number", "catalog", "mpm", "copy_code", "flow", "order_details",
    "otp", "voice_call", "spm", "app", "request_contact_info",
)  # fmt: skip
MEDIA = ("image", "video", "document")
MAX_BODY, MAX_HEADER, MAX_COMPONENTS = 1024, 60, 30
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
    for m, card in enumerate(fields.objects(component, "cards", path, least=0, most=10)):
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
    **dict.fromkeys(("action", "product", "limited_time_offer", "order_status"), _object),
}


def rendered(definition: list[Any], given: list[Any]) -> str:
    """Return the text of a template (its definition's components) with the given components.

    Raises CloudApiError 132000 for a wrong number of parameters, 132012 for a wrong kind, 132005
    for too long a text.
    """
    parts = {as_text(part.get("type")).lower(): part for part in map(as_dict, definition)}
    sent = {as_text(part.get("type")).lower(): part for part in map(as_dict, given)}
    header = _header(as_dict(parts.get("header")), _parameters(sent.get("header")))
    body = _filled_text(
        as_text(as_dict(parts.get("body")).get("text")),
        _parameters(sent.get("body")),
        "body",
        MAX_BODY,
    )
    _check_buttons(as_dict(parts.get("buttons")), given)
    footer = as_text(as_dict(parts.get("footer")).get("text"))
    return "\n".join(filter(None, (header, body, footer)))


def _parameters(component: Any) -> list[Parameter]:
    return [as_dict(item) for item in as_list(as_dict(component).get("parameters"))]


def _header(part: dict[str, Any], given: list[Parameter]) -> str:
    wanted = as_text(part.get("format")).lower()
    if wanted in (*MEDIA, "location"):
        kinds = [as_text(item.get("type")) for item in given]
        if kinds != [wanted]:
            raise CloudApiError(
                FORMAT,
                f"header: format mismatch, expected one {wanted}, "
                f"received {', '.join(kinds) or 'nothing'}.",
                field="template.components",
            )
        return ""
    return _filled_text(as_text(part.get("text")), given, "header", MAX_HEADER)


def _filled_text(text: str, given: list[Parameter], part: str, limit: int) -> str:
    expected = placeholders(text)
    if len(given) != len(expected):
        raise CloudApiError(
            COUNT,
            f"{part}: number of parameters ({len(given)}) does not match "
            f"the expected number ({len(expected)}).",
            field="template.components",
        )
    for item in given:
        if item.get("type") not in ("text", "currency", "date_time"):
            raise CloudApiError(
                FORMAT,
                f"{part}: format mismatch, expected text, received {item.get('type')}.",
                field="template.components",
            )
    named = {as_text(item.get("parameter_name")) for item in given} - {""}
    if unknown := sorted(named - set(expected)):
        raise CloudApiError(
            FORMAT, f"{part}: no parameter is named '{unknown[0]}'.", field="template.components"
        )
    whole = fill(text, given)
    if given and len(whole) > limit:
        raise CloudApiError(
            TOO_LONG,
            f"{part}: the filled text is longer than {limit} characters ({len(whole)}).",
            field="template.components",
        )
    return whole


def _check_buttons(part: dict[str, Any], given: list[Any]) -> None:
    buttons = [as_dict(button) for button in as_list(part.get("buttons"))]
    sent = {as_text(c.get("index")): c for c in map(as_dict, given) if c.get("type") == "button"}
    for index, component in sent.items():
        if int(index) >= len(buttons):
            raise CloudApiError(
                FORMAT,
                f"button {index}: the template has {len(buttons)} buttons.",
                field="template.components",
            )
        _check_kind(
            as_text(buttons[int(index)].get("type")).lower(),
            as_text(component.get("sub_type")),
            index,
        )
    for n, button in enumerate(buttons):
        if PLACEHOLDER.search(as_text(button.get("url"))) and not _parameters(sent.get(str(n))):
            raise CloudApiError(
                131008,
                f"button {n}: its URL has a variable, so a text parameter is required.",
                field="template.components",
            )


def _check_kind(wanted: str, sent: str, index: str) -> None:
    # One-time password buttons are filled like URL buttons.
    if sent != wanted and not (wanted == "otp" and sent == "url"):
        raise CloudApiError(
            FORMAT,
            f"button {index}: format mismatch, expected {wanted}, received {sent}.",
            field="template.components",
        )
