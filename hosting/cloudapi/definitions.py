"""Template definitions, checked against the limits and codes of the protocol."""

import re
from collections.abc import Callable
from typing import Any

from hosting.cloudapi import fields
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.cloudapi.texts import PLACEHOLDER, placeholders
from hosting.errors import CloudApiError

CATEGORIES = ("marketing", "utility", "authentication")
FORMATS = ("text", "image", "video", "gif", "document", "location", "product")
CARD_FORMATS = ("image", "video", "product")
MAX_CARDS, MAX_CARD_BODY, MAX_OFFER, MAX_OFFER_BODY, MAX_CODE = 10, 160, 16, 600, 20
OTP_TYPES = ("copy_code", "one_tap", "zero_tap")
TOO_LONG, HEADER, BODY, FOOTER, WORDS, EDGES = 2388040, 2388047, 2388072, 2388073, 2388293, 2388299
MAX_BODY, MAX_SHORT, MAX_BUTTONS, MAX_BUTTON_TEXT = 1024, 60, 10, 25
BUTTONS = {
    "quick_reply", "url", "phone_number", "otp", "mpm", "spm", "catalog", "flow", "copy_code",
    "voice_call", "app", "order_details", "request_contact_info",
}  # fmt: skip
NAMED = re.compile(r"[a-z][a-z0-9_]*")
NAME = re.compile(r"[a-z0-9_]{1,512}")
LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Z]{2,3})?")
Part = dict[str, Any]


def check_name(body: dict[str, Any]) -> tuple[str, str, str]:
    """Return name, language and category (lower case) of a template to create."""
    name = fields.text(body, "name", "template", limit=512)
    if not NAME.fullmatch(name):
        raise CloudApiError(
            100, "name may have lower-case letters, digits and underscores only.", field="name"
        )
    language = body.get("language")
    language = as_text(as_dict(language).get("code") if isinstance(language, dict) else language)
    if not LANGUAGE.fullmatch(language):
        raise CloudApiError(100, "language must be a code such as en_US.", field="language")
    return name, language, fields.choice(body, "category", "template", CATEGORIES)


def check_components(raw: Any, category: str) -> list[Part]:
    """Check components and return them with types in upper case.

    Raises CloudApiError with the code of the invalid part.
    """
    parts: list[Part] = fields.objects(
        {"components": fields.without_nulls(raw)}, "components", "template", most=10
    )
    seen: set[str] = set()
    for part in parts:
        part["type"] = kind = fields.choice(
            part, "type", "components", tuple(name.lower() for name in CHECKS)
        ).upper()
        if kind in seen:
            raise CloudApiError(100, f"components: {kind} is given twice.", field="components")
        seen.add(kind)
        CHECKS[kind](part, category)
    if "BODY" not in seen:
        raise CloudApiError(BODY, "components: a BODY is required.", field="components")
    if "LIMITED_TIME_OFFER" in seen:
        _check_offer(parts, seen)
    return parts


def check_format(parts: list[Part], wanted: str) -> str:
    """Return the parameter format, POSITIONAL or NAMED, of checked components.

    Raises CloudApiError 100 if variables are of another format than `wanted` ("" for either).
    """
    names = [name for text in _texts(parts) for name in placeholders(text)]
    numbered = [name for name in names if name.isdigit()]
    if numbered and len(numbered) < len(names):
        raise CloudApiError(
            100, "components: variables have either numbers or names.", field="components"
        )
    found = "NAMED" if names and not numbered else "POSITIONAL"
    if wanted and names and wanted != found:
        raise CloudApiError(
            100,
            f"parameter_format is {wanted}, but the variables are {found}.",
            field="parameter_format",
        )
    if wrong := [name for name in names if not name.isdigit() and not NAMED.fullmatch(name)]:
        raise CloudApiError(
            100,
            f"The variable '{wrong[0]}' may have lower-case letters, digits and underscores only.",
            field="components",
        )
    return wanted if wanted and not names else found


def _texts(parts: list[Part]) -> list[str]:
    """Return the texts of header and body, also those of cards."""
    texts = [as_text(part.get("text")) for part in parts if part["type"] in ("HEADER", "BODY")]
    for part in parts:
        for card in as_list(part.get("cards")):
            texts += _texts(as_list(as_dict(card).get("components")))
    return texts


def _check_length(text: str, limit: int, field: str) -> None:
    if len(text) > limit:
        raise CloudApiError(
            TOO_LONG, f"{field} is longer than {limit} characters ({len(text)}).", field=field
        )


def _header(part: Part, category: str) -> None:
    form = as_text(part.get("format") or "text").lower()
    if form not in FORMATS:
        raise CloudApiError(
            HEADER,
            f"header.format must be one of {', '.join(FORMATS).upper()}.",
            field="header.format",
        )
    part["format"] = form.upper()
    if form == "gif" and not as_list(as_dict(part.get("example")).get("header_handle")):
        raise CloudApiError(
            HEADER, "header.example.header_handle is required of a GIF.", field="header.example"
        )
    if form != "text":
        return
    text = as_text(part.get("text"))
    if not text.strip() or "\n" in text or re.search(r"[*_~`]", text):
        raise CloudApiError(
            HEADER,
            "header.text is required, on one line and without formatting.",
            field="header.text",
        )
    _check_length(text, MAX_SHORT, "header.text")
    names = placeholders(text)
    if len(names) > 1:
        raise CloudApiError(
            HEADER, f"header.text has {len(names)} variables; 1 is the limit.", field="header.text"
        )
    _check_examples(part, names, ("header_text", "header_text_named_params"), HEADER)


def _body(part: Part, category: str) -> None:
    text = as_text(part.get("text"))
    # The protocol sets the text of one-time passwords.
    if category == "authentication" and not text:
        part["text"] = "{{1}} is your verification code."
        if part.get("add_security_recommendation"):
            part["text"] += " For your security, do not share this code."
        return
    if not text.strip():
        raise CloudApiError(BODY, "body.text is required.", field="body.text")
    _check_length(text, MAX_BODY, "body.text")
    names = placeholders(text)
    _check_variables(text, names)
    _check_examples(part, names, ("body_text", "body_text_named_params"), BODY)


def _check_variables(text: str, names: list[str]) -> None:
    stripped = text.strip().strip(".!?,;:")
    ends = [match.span() for match in PLACEHOLDER.finditer(stripped)]
    if ends and (ends[0][0] == 0 or ends[-1][1] == len(stripped)):
        raise CloudApiError(
            EDGES, "body.text must not begin or end with a variable.", field="body.text"
        )
    numbered = [name for name in names if name.isdigit()]
    if numbered and sorted(map(int, numbered)) != list(range(1, len(names) + 1)):
        raise CloudApiError(
            BODY,
            "body.text: variables must be numbered from {{1}} without gaps.",
            field="body.text",
        )
    words = len(PLACEHOLDER.sub(" ", text).split())
    if len(names) > words:
        raise CloudApiError(
            WORDS,
            f"body.text has {len(names)} variables among {words} words: too many.",
            field="body.text",
        )


def _check_examples(part: Part, names: list[str], members: tuple[str, str], code: int) -> None:
    example = as_dict(part.get("example"))
    given = as_list(example.get(members[0])) or as_list(example.get(members[1]))
    if given and isinstance(given[0], list):
        given = given[0]
    if example and len(given) != len(names):
        field = f"{as_text(part['type']).lower()}.example"
        raise CloudApiError(
            code, f"{field} has {len(given)} values for {len(names)} variables.", field=field
        )


def _footer(part: Part, category: str) -> None:
    if category == "authentication":
        if "code_expiration_minutes" in part:
            minutes = fields.integer(part, "code_expiration_minutes", "footer", least=1, most=90)
            part["text"] = f"This code expires in {minutes} minutes."
        return
    text = as_text(part.get("text"))
    if not text.strip() or placeholders(text) or "\n" in text:
        raise CloudApiError(
            FOOTER,
            "footer.text is required, on one line and without variables.",
            field="footer.text",
        )
    _check_length(text, MAX_SHORT, "footer.text")


def _buttons(part: Part, category: str) -> None:
    for n, button in enumerate(fields.objects(part, "buttons", "buttons", most=MAX_BUTTONS)):
        kind = as_text(button.get("type")).lower()
        path = f"buttons[{n}]"
        if kind not in BUTTONS:
            raise CloudApiError(
                100, f"{path}.type '{kind[:40]}' is not supported.", field=f"{path}.type"
            )
        button["type"] = kind.upper()
        if text := as_text(button.get("text")):
            _check_length(text, MAX_BUTTON_TEXT, f"{path}.text")
        elif kind in ("quick_reply", "url", "phone_number"):
            raise CloudApiError(100, f"{path}.text is required.", field=f"{path}.text")
        if kind == "url":
            # Only the end of a URL may be a variable.
            address = fields.text(button, "url", path, limit=2000)
            fields.link({"url": PLACEHOLDER.sub("x", address)}, "url", path)
            if len(placeholders(address)) > 1 or (
                placeholders(address) and not address.endswith("}}")
            ):
                raise CloudApiError(
                    100, f"{path}.url may have one variable, at its end.", field=f"{path}.url"
                )
        if kind == "phone_number":
            fields.text(button, "phone_number", path, limit=20)
        if kind == "otp":
            _otp(button, path, category)
        if kind == "copy_code":
            _copy_code(button, path)


def _otp(button: Part, path: str, category: str) -> None:
    if category != "authentication":
        raise CloudApiError(
            100, f"{path}: only AUTHENTICATION templates have OTP buttons.", field=f"{path}.type"
        )
    kind = fields.choice(button, "otp_type", path, OTP_TYPES, required=False)
    if kind:
        button["otp_type"] = kind.upper()


def _copy_code(button: Part, path: str) -> None:
    example = button.get("example")
    code = as_text(as_list(example)[0] if as_list(example) else example)
    if len(code) > MAX_CODE:
        raise CloudApiError(
            100, f"{path}.example is longer than {MAX_CODE} characters.", field=f"{path}.example"
        )


def _offer(part: Part, category: str) -> None:
    if category != "marketing":
        raise CloudApiError(
            100, "Only MARKETING templates have a limited-time offer.", field="components"
        )
    offer = fields.mapping(part, "limited_time_offer", "components")
    fields.text(offer, "text", "limited_time_offer", limit=MAX_OFFER)


def _check_offer(parts: list[Part], seen: set[str]) -> None:
    """Check what stands beside a limited-time offer: no footer, and a short body."""
    if "FOOTER" in seen:
        raise CloudApiError(
            FOOTER, "A template with a limited-time offer has no footer.", field="components"
        )
    body = next(part for part in parts if part["type"] == "BODY")
    _check_length(as_text(body.get("text")), MAX_OFFER_BODY, "body.text")


def _carousel(part: Part, category: str) -> None:
    cards = fields.objects(part, "cards", "carousel", least=2, most=MAX_CARDS)
    shapes = []
    for n, card in enumerate(cards):
        path = f"carousel.cards[{n}]"
        components = fields.objects(card, "components", path, most=3)
        for component in components:
            kind = fields.choice(component, "type", path, ("header", "body", "buttons")).upper()
            component["type"] = kind
            # A card's text may consist of a variable.
            if kind != "BODY":
                CHECKS[kind](component, category)
        shapes.append(_shape(components, path))
    if any(shape != shapes[0] for shape in shapes):
        raise CloudApiError(
            100,
            "carousel.cards must all have the same components, header format and buttons.",
            field="components",
        )


def _shape(components: list[Part], path: str) -> list[tuple[str, str]]:
    """Return what all cards of a carousel have in common; check a card's header and body."""
    parts = {part["type"]: part for part in components}
    form = as_text(parts.get("HEADER", {}).get("format")).lower()
    if form not in CARD_FORMATS:
        raise CloudApiError(
            HEADER,
            f"{path}: a header of format {', '.join(CARD_FORMATS).upper()} is required.",
            field="components",
        )
    if "BODY" in parts:
        fields.text(parts["BODY"], "text", f"{path}.body", limit=10**6)
        _check_length(as_text(parts["BODY"].get("text")), MAX_CARD_BODY, f"{path}.body.text")
    buttons = as_list(parts.get("BUTTONS", {}).get("buttons"))
    kinds = [("button", as_text(as_dict(button).get("type"))) for button in buttons]
    return sorted((kind, form if kind == "HEADER" else "") for kind in parts) + kinds


def _unchecked(part: Part, category: str) -> None:
    """Accept a part as it is."""


CHECKS: dict[str, Callable[[Part, str], None]] = {
    "HEADER": _header,
    "BODY": _body,
    "FOOTER": _footer,
    "BUTTONS": _buttons,
    "CAROUSEL": _carousel,
    "LIMITED_TIME_OFFER": _offer,
    **dict.fromkeys(("CALL_PERMISSION_REQUEST", "ORDER_STATUS"), _unchecked),
}
