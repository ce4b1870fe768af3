"""Interactive messages: buttons, lists, links, products, orders, flows, each with its limits."""

from collections.abc import Callable
from typing import Any

from hosting.cloudapi import fields
from hosting.cloudapi.json import as_dict
from hosting.cloudapi.payments import check_settings
from hosting.errors import CloudApiError

MAX_BODY, MAX_HEADER, MAX_FOOTER = 1024, 60, 60
MAX_ROWS, MAX_PRODUCTS = 10, 30
MAX_CARDS, MAX_CARD_BODY, MAX_CARD_BUTTONS = 10, 160, 2
MEDIA_HEADERS = ("image", "video", "document")
Check = Callable[[dict[str, Any]], None]


def check(content: dict[str, Any]) -> None:
    """Raise CloudApiError for an `interactive` object outside the limits of its type."""
    kind = fields.text(content, "type", "interactive", limit=60).lower()
    if kind not in CHECKS:
        raise CloudApiError(
            131009, f"interactive.type '{kind[:40]}' is not supported.", field="interactive.type"
        )
    content["type"] = kind
    body = fields.mapping(content, "body", "interactive", required=kind not in BODY_OPTIONAL)
    fields.text(
        body,
        "text",
        "interactive.body",
        limit=MAX_BODY_OF_KIND.get(kind, MAX_BODY),
        required=bool(body),
    )
    if footer := fields.mapping(content, "footer", "interactive", required=False):
        fields.text(footer, "text", "interactive.footer", limit=MAX_FOOTER, required=False)
    _check_header(content, kind)
    CHECKS[kind](fields.mapping(content, "action", "interactive"))


def _check_header(content: dict[str, Any], kind: str) -> None:
    header = fields.mapping(content, "header", "interactive", required=kind == "product_list")
    if not header:
        return
    if kind == "product":
        raise CloudApiError(
            131009,
            "interactive.header does not go with type 'product'.",
            field="interactive.header",
        )
    allowed = ("text",) if kind in ("list", "product_list") else ("text", *MEDIA_HEADERS)
    form = fields.choice(header, "type", "interactive.header", allowed)
    if form == "text":
        fields.text(header, "text", "interactive.header", limit=MAX_HEADER)
    else:
        fields.media(
            fields.mapping(header, form, "interactive.header"), f"interactive.header.{form}"
        )


def _buttons(action: dict[str, Any]) -> None:
    seen: set[str] = set()
    for button in fields.objects(action, "buttons", "interactive.action", most=3):
        path = "interactive.action.buttons.reply"
        reply = fields.mapping(button, "reply", "interactive.action.buttons")
        fields.text(reply, "title", path, limit=20)
        _check_unique(fields.text(reply, "id", path, limit=256), seen, f"{path}.id")


def _check_unique(found: str, seen: set[str], field: str) -> None:
    if found in seen:
        raise CloudApiError(131009, f"{field} '{found[:60]}' is used twice.", field=field)
    seen.add(found)


def _list(action: dict[str, Any]) -> None:
    fields.text(action, "button", "interactive.action", limit=20)
    sections = fields.objects(action, "sections", "interactive.action", most=10)
    seen: set[str] = set()
    for section in sections:
        path = "interactive.action.sections"
        fields.text(section, "title", path, limit=24, required=len(sections) > 1)
        for row in fields.objects(section, "rows", path, most=MAX_ROWS):
            fields.text(row, "title", f"{path}.rows", limit=24)
            fields.text(row, "description", f"{path}.rows", limit=72, required=False)
            _check_unique(
                fields.text(row, "id", f"{path}.rows", limit=200), seen, f"{path}.rows.id"
            )
    if len(seen) > MAX_ROWS:
        raise CloudApiError(
            131009,
            f"interactive.action.sections hold {len(seen)} rows; {MAX_ROWS} is the limit in all.",
            field="interactive.action.sections",
        )


def _cta_url(action: dict[str, Any]) -> None:
    parameters = fields.mapping(action, "parameters", "interactive.action")
    fields.text(parameters, "display_text", "interactive.action.parameters", limit=20)
    fields.link(parameters, "url", "interactive.action.parameters")


def _product(action: dict[str, Any]) -> None:
    fields.text(action, "catalog_id", "interactive.action", limit=64)
    fields.text(action, "product_retailer_id", "interactive.action", limit=200)


def _product_list(action: dict[str, Any]) -> None:
    fields.text(action, "catalog_id", "interactive.action", limit=64)
    path, total = "interactive.action.sections", 0
    sections = fields.objects(action, "sections", "interactive.action", most=10)
    for section in sections:
        fields.text(section, "title", path, limit=24, required=len(sections) > 1)
        items = fields.objects(section, "product_items", path, most=MAX_PRODUCTS)
        for item in items:
            fields.text(item, "product_retailer_id", f"{path}.product_items", limit=200)
        total += len(items)
    if total > MAX_PRODUCTS:
        raise CloudApiError(
            131009, f"{path} hold {total} products; {MAX_PRODUCTS} is the limit in all.", field=path
        )


def _catalog_message(action: dict[str, Any]) -> None:
    parameters = fields.mapping(action, "parameters", "interactive.action", required=False)
    fields.text(
        parameters,
        "thumbnail_product_retailer_id",
        "interactive.action.parameters",
        limit=200,
        required=False,
    )


def _order_details(action: dict[str, Any]) -> None:
    path = "interactive.action.parameters"
    parameters = fields.mapping(action, "parameters", "interactive.action")
    check_settings(parameters, path)
    fields.choice(parameters, "type", path, ("digital-goods", "physical-goods"))
    currency = fields.text(parameters, "currency", path, limit=3)
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise CloudApiError(
            131009, f"{path}.currency must be three capital letters.", field=f"{path}.currency"
        )
    order = fields.mapping(parameters, "order", path, required=not _is_brazilian(parameters))
    if not order:
        _amount(parameters, "total_amount", path)
        return
    items = fields.objects(order, "items", f"{path}.order", most=999)
    cost = sum(_order_item(item, f"{path}.order.items[{n}]") for n, item in enumerate(items))
    _check_sum(parameters, order, cost, path)


def _is_brazilian(parameters: dict[str, Any]) -> bool:
    """Whether the total may stand without its order, as published for Brazil."""
    return parameters.get("payment_type") == "br" or parameters.get("currency") == "BRL"


def _order_item(item: dict[str, Any], path: str) -> int:
    """Return an item's price (the sale price if there is one) times its quantity."""
    fields.text(item, "name", path, limit=60)
    price = _amount(item, "amount", path)
    if "sale_amount" in item:
        price = _amount(item, "sale_amount", path)
    return price * fields.integer(item, "quantity", path, least=1, most=10**6)


def _amount(holder: dict[str, Any], name: str, path: str) -> int:
    amount = fields.mapping(holder, name, path)
    if fields.integer(amount, "offset", f"{path}.{name}", least=1, most=10**6) != 100:
        raise CloudApiError(
            131009, f"{path}.{name}.offset must be 100.", field=f"{path}.{name}.offset"
        )
    return fields.integer(amount, "value", f"{path}.{name}", least=0, most=10**15)


def _check_sum(parameters: dict[str, Any], order: dict[str, Any], cost: int, path: str) -> None:
    """Check total = subtotal + tax + shipping - discount, and subtotal = price of the items."""
    total = _amount(parameters, "total_amount", path)
    subtotal = _amount(order, "subtotal", f"{path}.order")
    parts = {
        name: _amount(order, name, f"{path}.order")
        for name in ("tax", "shipping", "discount")
        if name in order
    }
    expected = subtotal + parts.get("tax", 0) + parts.get("shipping", 0) - parts.get("discount", 0)
    if total != expected:
        raise CloudApiError(
            131009,
            f"{path}.total_amount.value is {total}, but subtotal + tax + shipping - discount is "
            f"{expected}.",
            field=f"{path}.total_amount",
        )
    if subtotal != cost:
        raise CloudApiError(
            131009,
            f"{path}.order.subtotal.value is {subtotal}, but the items cost {cost}.",
            field=f"{path}.order.subtotal",
        )


def _order_status(action: dict[str, Any]) -> None:
    path = "interactive.action.parameters"
    parameters = fields.mapping(action, "parameters", "interactive.action")
    fields.text(parameters, "reference_id", path, limit=60)
    order = fields.mapping(parameters, "order", path)
    known = (
        "pending",
        "processing",
        "partially_shipped",
        "partially-shipped",
        "shipped",
        "completed",
        "canceled",
    )
    fields.choice(order, "status", f"{path}.order", known)
    fields.text(order, "description", f"{path}.order", limit=120, required=False)


def _flow(action: dict[str, Any]) -> None:
    path = "interactive.action.parameters"
    parameters = fields.mapping(action, "parameters", "interactive.action")
    fields.text(parameters, "flow_cta", path, limit=30)
    if not parameters.get("flow_name"):
        fields.text(parameters, "flow_id", path, limit=64)
    fields.text(parameters, "flow_token", path, limit=4096, required=False)
    fields.choice(parameters, "flow_action", path, ("navigate", "data_exchange"), required=False)
    fields.mapping(parameters, "flow_action_payload", path, required=False)


def _address(action: dict[str, Any]) -> None:
    parameters = fields.mapping(action, "parameters", "interactive.action")
    country = fields.text(parameters, "country", "interactive.action.parameters", limit=2)
    if len(country) != 2:
        field = "interactive.action.parameters.country"
        raise CloudApiError(131009, f"{field} must be a country code of two letters.", field=field)


def _carousel(action: dict[str, Any]) -> None:
    """Check a carousel's cards: all of one kind, each with its header, text and action."""
    path = "interactive.action.cards"
    cards = fields.objects(action, "cards", "interactive.action", least=2, most=MAX_CARDS)
    kinds = set()
    for n, card in enumerate(cards):
        held = f"{path}[{n}]"
        if fields.integer(card, "card_index", held, least=0, most=MAX_CARDS - 1) != n:
            raise CloudApiError(
                131009, f"{held}.card_index must be {n}.", field=f"{held}.card_index"
            )
        kinds.add(_card(card, held))
    if len(kinds) > 1:
        raise CloudApiError(131009, f"{path} must all be alike.", field=path)


def _card(card: dict[str, Any], path: str) -> tuple[str, ...]:
    """Check a card; return what it shares with all others."""
    kind = fields.choice(card, "type", path, ("cta_url", "quick_reply", "button", "product"))
    action = fields.mapping(card, "action", path)
    if kind == "product":
        fields.text(action, "product_retailer_id", f"{path}.action", limit=200)
        return (kind,)
    header = fields.mapping(card, "header", path)
    form = fields.choice(header, "type", f"{path}.header", ("image", "video"))
    fields.media(fields.mapping(header, form, f"{path}.header"), f"{path}.header.{form}")
    if body := fields.mapping(card, "body", path, required=False):
        fields.text(body, "text", f"{path}.body", limit=MAX_CARD_BODY)
    if kind == "cta_url":
        _cta_url(action)
        return kind, form
    buttons = fields.objects(action, "buttons", f"{path}.action", most=MAX_CARD_BUTTONS)
    for button in buttons:
        reply = as_dict(button.get("quick_reply") or button.get("reply"))
        fields.text(reply, "id", f"{path}.action.buttons", limit=256)
        fields.text(reply, "title", f"{path}.action.buttons", limit=20)
    return kind, form, str(len(buttons))


def _unchecked(action: dict[str, Any]) -> None:
    """Accept an action that has nothing to check."""


CHECKS: dict[str, Check] = {
    "button": _buttons,
    "list": _list,
    "cta_url": _cta_url,
    "product": _product,
    "product_list": _product_list,
    "catalog_message": _catalog_message,
    "order_details": _order_details,
    "order_status": _order_status,
    "flow": _flow,
    "address_message": _address,
    "carousel": _carousel,
    "location_request_message": _unchecked,
    "call_permission_request": _unchecked,
    "voice_call": _unchecked,
}
BODY_OPTIONAL = frozenset({"product", "voice_call", "call_permission_request"})
# Kinds with another limit than MAX_BODY.
MAX_BODY_OF_KIND = {"list": 4096}


def choice_reply(content: dict[str, Any], choice: str) -> dict[str, Any] | None:
    """Return the reply of a customer who chooses the button or row of that id.

    None if there is none.
    """
    action = content.get("action", {})
    for button in action.get("buttons", []) if content.get("type") == "button" else []:
        if button["reply"]["id"] == choice:
            return {"type": "button_reply", "button_reply": dict(button["reply"])}
    rows = [row for section in action.get("sections", []) for row in section.get("rows", [])]
    found = next((row for row in rows if row["id"] == choice), None)
    return {"type": "list_reply", "list_reply": dict(found)} if found else None
