"""Product feeds as JSON: a list of products, such a list in an object, or one product a line."""

from collections.abc import Iterator
from typing import Any

import orjson

from shops.catalog.feed_columns import (
    COLUMNS,
    FAULT,
    BadFeed,
    Feed,
    check_columns,
    column_name,
)

LISTS = ("data", "products", "items", "entries", "requests")
# The names that the network's own catalogue interface gives to columns.
NAMES = {
    "retailer_id": "id",
    "name": "title",
    "url": "link",
    "image_url": "image_link",
    "additional_image_urls": "additional_image_link",
    "category": "product_type",
}
JOINED = {"additional_image_link": ",", "custom_label_0": "|"}
PRICES = ("price", "sale_price")


def is_json(text: str) -> bool:
    """Return whether a text begins as JSON does."""
    return text.lstrip()[:1] in ("{", "[")


def read_feed(text: str) -> Feed:
    """Return the products of a JSON feed; rows are counted from 1.

    Raises BadFeed for a text that is no JSON, or that holds no list of products.
    """
    products = _products(text)
    rows = [row_of(product) for product in products]
    names = dict.fromkeys(name for row in rows for name in row if name != FAULT)
    if not rows:
        raise BadFeed("There is no product in the file.")
    check_columns(list(names))
    known = tuple(name for name in COLUMNS if name in names)
    ignored = tuple(name[:60] for name in names if name not in COLUMNS)
    return Feed(known, ignored, _numbered(rows, known))


def _numbered(
    rows: list[dict[str, str]], known: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, row in enumerate(rows, 1):
        yield number, {name: value for name, value in row.items() if name in (*known, FAULT)}


def _products(text: str) -> list[Any]:
    try:
        whole = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _lines(text, str(error))
    if isinstance(whole, dict):
        held = [whole[name] for name in LISTS if isinstance(whole.get(name), list)]
        whole = held[0] if held else [whole]
    if not isinstance(whole, list):
        raise BadFeed("There is no list of products in the file.")
    return whole


def _lines(text: str, reason: str) -> list[Any]:
    lines = [line for line in text.splitlines() if line.strip()]
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            where = f"line {number}: {error}" if number > 1 else reason
            raise BadFeed(f"The file is no JSON: {where[:200]}.") from None
    return found


def row_of(product: Any) -> dict[str, str]:
    """Return the cells of one product, by column; under FAULT what is wrong with all of it."""
    if not isinstance(product, dict):
        return {FAULT: "It is no object."}
    # A request of the network's batch interface holds the product's id beside its data.
    if isinstance(product.get("data"), dict):
        product = {"id": product.get("retailer_id", "")} | product["data"]
    row: dict[str, str] = {}
    for key, value in product.items():
        column = column_name(str(key))
        column = NAMES.get(column, column) if NAMES.get(column) not in product else column
        if column in PRICES and isinstance(value, int | float):
            row[FAULT] = (
                f"The {column} is the number {value}, which may be units or cents. "
                "Write a text with the currency."
            )
        row[column] = _text(value, JOINED.get(column, ","))
    return row


def _text(value: Any, separator: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return separator.join(filter(None, (_text(one, separator) for one in value)))
    if isinstance(value, dict):
        return _text(value.get("url") or value.get("link"), separator)
    return str(value).strip()
