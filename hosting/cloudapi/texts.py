"""Readable text of messages of any kind, for threads, lists and search."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from hosting.cloudapi.json import as_dict, as_list, as_text

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
# Letters and signs that show nothing: fillers of Hangul, the empty braille pattern.
BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\U000e0001")
REPLIES = ("button_reply", "list_reply", "call_permission_reply", "nfm_reply")


def text_of(kind: str, content: dict[str, Any]) -> str:
    """Return the readable text of a message's content object; "" if there is none."""
    reader = READERS.get(kind, _caption)
    return reader(content)


def visible_name(name: str) -> str:
    """Return a name without outer spaces, or "" if all of its characters are invisible."""
    return name.strip() if any(map(_is_visible, name)) else ""


def _is_visible(letter: str) -> bool:
    category = unicodedata.category(letter)
    return category[0] not in "ZC" and category != "Mn" and letter not in BLANKS


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _caption(content: dict[str, Any]) -> str:
    return as_text(content.get("caption") or content.get("filename"))


def _interactive(content: dict[str, Any]) -> str:
    for kind in REPLIES:
        if reply := as_dict(content.get(kind)):
            # A completed flow has its text in `body`.
            return (
                as_text(reply.get("title"))
                or as_text(reply.get("body"))
                or as_text(reply.get("response"))
            )
    header, body, footer = (
        as_text(as_dict(content.get(part)).get("text")) for part in ("header", "body", "footer")
    )
    return _lines(header, body, footer) or _product_of(as_dict(content.get("action")))


def _product_of(action: dict[str, Any]) -> str:
    return as_text(action.get("product_retailer_id"))


def products_of(kind: str, content: dict[str, Any]) -> list[str]:
    """Return the retailer ids of the products that a message shows or orders, in its order."""
    if kind == "order":
        return _retailer_ids(as_list(content.get("product_items")))
    action = as_dict(content.get("action")) if kind == "interactive" else {}
    if content.get("type") == "product_list":
        sections = map(as_dict, as_list(action.get("sections")))
        return [
            one
            for section in sections
            for one in _retailer_ids(as_list(section.get("product_items")))
        ]
    return list(filter(None, (_product_of(action), as_text(_thumbnail_of(action)))))


def _retailer_ids(items: list[Any]) -> list[str]:
    return [as_text(as_dict(item).get("product_retailer_id")) for item in items]


def _thumbnail_of(action: dict[str, Any]) -> Any:
    return as_dict(action.get("parameters")).get("thumbnail_product_retailer_id")


def _location(content: dict[str, Any]) -> str:
    named = _lines(as_text(content.get("name")), as_text(content.get("address"))).replace(
        "\n", ", "
    )
    return named or ", ".join(
        str(content[part]) for part in ("latitude", "longitude") if part in content
    )


def _contacts(content: dict[str, Any]) -> str:
    return "\n".join(filter(None, map(_card, map(as_dict, as_list(content.get("contacts"))))))


def _card(card: dict[str, Any]) -> str:
    name = as_dict(card.get("name"))
    shown = as_text(name.get("formatted_name")) or as_text(name.get("first_name"))
    numbers = (as_text(as_dict(phone).get("phone")) for phone in as_list(card.get("phones")))
    return ", ".join(filter(None, (shown, *numbers)))


def _order(content: dict[str, Any]) -> str:
    items = [as_dict(item) for item in as_list(content.get("product_items"))]
    rows = (
        f"{as_text(item.get('quantity'))} × {as_text(item.get('product_retailer_id'))}"
        for item in items
    )
    return _lines(as_text(content.get("text")), *rows)


def _edit(content: dict[str, Any]) -> str:
    message = as_dict(content.get("message"))
    kind = as_text(message.get("type"))
    return text_of(kind, as_dict(message.get(kind))) if kind != "edit" else ""


READERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "text": lambda content: as_text(content.get("body")),
    "button": lambda content: as_text(content.get("text")),
    "reaction": lambda content: as_text(content.get("emoji")),
    "system": lambda content: as_text(content.get("body")),
    "interactive": _interactive,
    "location": _location,
    "contacts": _contacts,
    "order": _order,
    "edit": _edit,
    "call": lambda content: "",
}


def fill(text: str, parameters: list[dict[str, Any]]) -> str:
    """Fill a template text's `{{1}}` or `{{name}}` from Cloud API parameters."""
    values = {
        as_text(item.get("parameter_name")) or str(n): _value(item)
        for n, item in enumerate(parameters, 1)
    }
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def _value(parameter: dict[str, Any]) -> str:
    kind = as_text(parameter.get("type")) or "text"
    held = parameter.get(kind)
    if isinstance(held, dict):
        return as_text(held.get("fallback_value"))
    return as_text(held)


def placeholders(text: str) -> list[str]:
    """Return the names of the placeholders in a template's text, in order, without duplicates."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))
