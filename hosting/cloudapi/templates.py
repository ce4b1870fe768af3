"""Template messages checked against their template: every variable filled, nothing left over."""

from collections.abc import Callable, Sequence
from typing import Any

from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.cloudapi.template_shapes import (
    CARDS,
    COUNT,
    FORMAT,
    MAX_BODY,
    MAX_CARDS,
    MAX_HEADER,
    MEDIA,
    MISSING,
    TOO_LONG,
    Parameter,
)
from hosting.cloudapi.texts import fill, placeholders
from hosting.errors import CloudApiError

HEADERS = (*MEDIA, "location", "product")
MAX_CARD_BODY = 160
ONCE = ("header", "body", "carousel", "limited_time_offer")
Part = dict[str, Any]


def rendered(definition: list[Any], given: list[Any]) -> str:
    """Return the text of a template (its definition's components) with the given components.

    Raises CloudApiError 132000 for a wrong number of parameters, 132012 for a wrong kind, 132018
    for cards that do not fit, 131008 for a missing value of a button or an offer, 100 for a
    parameter without its name, 132005 for too long a text.
    """
    parts, sent = _by_kind(definition), _by_kind(given)
    for kind in ONCE:
        if [as_text(as_dict(one).get("type")).lower() for one in given].count(kind) > 1:
            raise _refused(FORMAT, f"{kind} is given twice.")
    texts = [
        _header(parts.get("header", {}), _parameters(sent.get("header"))),
        _filled(parts.get("body", {}), _parameters(sent.get("body")), "body", MAX_BODY),
        as_text(parts.get("footer", {}).get("text")),
    ]
    _check_offer(parts.get("limited_time_offer"), _parameters(sent.get("limited_time_offer")))
    _check_buttons(parts.get("buttons", {}), given)
    texts += _cards(parts.get("carousel"), as_list(sent.get("carousel", {}).get("cards")))
    return "\n".join(filter(None, texts))


def _by_kind(components: list[Any]) -> dict[str, Part]:
    return {as_text(part.get("type")).lower(): part for part in map(as_dict, components)}


def _parameters(component: Any) -> list[Parameter]:
    return [as_dict(item) for item in as_list(as_dict(component).get("parameters"))]


def _refused(code: int, details: str) -> CloudApiError:
    return CloudApiError(code, details, field="template.components")


def _header(part: Part, given: list[Parameter]) -> str:
    wanted = as_text(part.get("format")).lower()
    if wanted not in HEADERS:
        return _filled(part, given, "header", MAX_HEADER)
    kinds = [as_text(item.get("type")) for item in given]
    if kinds != [wanted]:
        raise _refused(
            FORMAT,
            f"header: format mismatch, expected one {wanted}, "
            f"received {', '.join(kinds) or 'nothing'}.",
        )
    return ""


def _filled(part: Part, given: list[Parameter], name: str, limit: int) -> str:
    """Return a part's text with its variables filled, each by exactly one parameter."""
    text = as_text(part.get("text"))
    expected = placeholders(text)
    _check_names(expected, given, name)
    if len(given) != len(expected):
        raise _refused(
            COUNT,
            f"{name}: number of parameters ({len(given)}) does not match "
            f"the expected number ({len(expected)}).",
        )
    for item in given:
        if item.get("type") not in ("text", "currency", "date_time"):
            raise _refused(
                FORMAT, f"{name}: format mismatch, expected text, received {item.get('type')}."
            )
    whole = fill(text, given)
    if given and len(whole) > limit:
        raise _refused(
            TOO_LONG, f"{name}: the filled text is longer than {limit} characters ({len(whole)})."
        )
    return whole


def _check_names(expected: list[str], given: list[Parameter], name: str) -> None:
    """Check that parameters of named variables say which they fill, each of them once."""
    names = [as_text(item.get("parameter_name")) for item in given]
    if any(not one.isdigit() for one in expected) and "" in names:
        raise _refused(100, f"{name}: parameter name is missing; expected {', '.join(expected)}.")
    if unknown := sorted(set(names) - {"", *expected}):
        raise _refused(FORMAT, f"{name}: no parameter is named '{unknown[0]}'.")
    if len(given) == len(expected) and len(set(names) - {""}) < len([one for one in names if one]):
        raise _refused(COUNT, f"{name}: a parameter is given twice, so that another is missing.")


def _check_offer(part: Part | None, given: list[Parameter]) -> None:
    if part is None:
        if given:
            raise _refused(FORMAT, "limited_time_offer: the template has none.")
        return
    expires = as_dict(part.get("limited_time_offer")).get("has_expiration")
    if expires and not given:
        raise _refused(MISSING, "limited_time_offer: expiration_time_ms is required.")
    if [item.get("type") for item in given] not in ([], ["limited_time_offer"]):
        raise _refused(FORMAT, "limited_time_offer: format mismatch.")


def _cards(part: Part | None, given: list[Any]) -> list[str]:
    """Return the texts of a carousel's cards, in the order of their index."""
    if part is None:
        if given:
            raise _refused(CARDS, "carousel: the template has none.")
        return []
    defined = [as_list(as_dict(card).get("components")) for card in as_list(part.get("cards"))]
    sent = sorted(map(as_dict, given), key=lambda card: int(card.get("card_index") or 0))
    count = len(defined)
    # Cards of products are alike, and as many are sent as there are products.
    if _is_of_products(defined) and 2 <= len(sent) <= MAX_CARDS:
        defined = (defined + [defined[-1]] * MAX_CARDS)[: len(sent)]
    if len(sent) != len(defined):
        raise _refused(CARDS, f"carousel: {len(sent)} cards are given, the template has {count}.")
    if [card.get("card_index") for card in sent] != list(range(len(sent))):
        raise _refused(CARDS, "carousel: card_index must count the cards from 0, each once.")
    return [
        _card(components, as_list(card.get("components")), f"card {n}")
        for n, (components, card) in enumerate(zip(defined, sent, strict=True))
    ]


def _is_of_products(cards: Sequence[list[Any]]) -> bool:
    return any(
        as_text(_by_kind(card).get("header", {}).get("format")).lower() == "product"
        for card in cards
    )


def _card(definition: list[Any], given: list[Any], name: str) -> str:
    parts, sent = _by_kind(definition), _by_kind(given)
    try:
        _header(parts.get("header", {}), _parameters(sent.get("header")))
        body = parts.get("body", {})
        text = _filled(body, _parameters(sent.get("body")), "body", MAX_CARD_BODY)
        _check_buttons(parts.get("buttons", {}), given)
    except CloudApiError as error:
        raise _refused(error.number, f"{name}: {error.details}") from None
    return text


def _check_buttons(part: Part, given: list[Any]) -> None:
    buttons = [as_dict(button) for button in as_list(part.get("buttons"))]
    sent = {as_text(c.get("index")): c for c in map(as_dict, given) if c.get("type") == "button"}
    for index, component in sent.items():
        if int(index) >= len(buttons):
            raise _refused(FORMAT, f"button {index}: the template has {len(buttons)} buttons.")
        wanted = as_text(buttons[int(index)].get("type")).lower()
        _check_kind(wanted, as_text(component.get("sub_type")), index)
    for n, button in enumerate(buttons):
        kind = as_text(button.get("type")).lower()
        check = BUTTON_CHECKS.get(kind)
        if check:
            check(button, _parameters(sent.get(str(n))), f"button {n}")


def _check_kind(wanted: str, sent: str, index: str) -> None:
    # One-time password buttons are filled like URL buttons.
    if sent != wanted and not (wanted == "otp" and sent == "url"):
        raise _refused(
            FORMAT, f"button {index}: format mismatch, expected {wanted}, received {sent}."
        )


def _check_types(given: list[Parameter], kind: str, most: int, name: str) -> None:
    for item in given:
        if item.get("type") != kind:
            raise _refused(
                FORMAT, f"{name}: format mismatch, expected {kind}, received {item.get('type')}."
            )
    if len(given) > most:
        raise _refused(
            COUNT,
            f"{name}: number of parameters ({len(given)}) does not match "
            f"the expected number ({most}).",
        )


def _url(button: Part, given: list[Parameter], name: str) -> None:
    expected = placeholders(as_text(button.get("url")))
    if expected and not given:
        raise _refused(MISSING, f"{name}: its URL has a variable, so a text parameter is required.")
    _check_types(given, "text", len(expected), name)


def _needs(kind: str, what: str) -> Callable[[Part, list[Parameter], str], None]:
    def check(button: Part, given: list[Parameter], name: str) -> None:
        if not given:
            raise _refused(MISSING, f"{name}: {what} is required.")
        _check_types(given, kind, 1, name)

    return check


def _may_have(kind: str, most: int = 1) -> Callable[[Part, list[Parameter], str], None]:
    def check(button: Part, given: list[Parameter], name: str) -> None:
        _check_types(given, kind, most, name)

    return check


def _products(button: Part, given: list[Parameter], name: str) -> None:
    _needs("action", "an action with sections of products")(button, given, name)
    sections = [as_dict(one) for one in as_list(as_dict(given[0].get("action")).get("sections"))]
    if not sections or not all(as_list(section.get("product_items")) for section in sections):
        raise _refused(MISSING, f"{name}: sections with product_items are required.")


BUTTON_CHECKS: dict[str, Callable[[Part, list[Parameter], str], None]] = {
    "url": _url,
    "otp": _needs("text", "the one-time password"),
    "copy_code": _needs("coupon_code", "a coupon_code"),
    "quick_reply": _may_have("payload"),
    "flow": _may_have("action"),
    "catalog": _may_have("action"),
    "mpm": _products,
    "order_details": _needs("action", "an action with order_details"),
    "phone_number": _may_have("text", 0),
}
