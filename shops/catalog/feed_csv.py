"""Product feeds in the columns of Meta's catalogue: reading, checking, and writing as CSV. No
database access.

Source of the columns: Meta's catalogue field reference ("Product data specifications"), read in
November 2026.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from core import money
from core.csv import guarded, plain
from shops.catalog import feed_json, feed_xml, prices
from shops.catalog.feed_columns import (
    COLUMNS,
    FAULT,
    OPTIONS,
    REQUIRED,
    BadFeed,
    Feed,
    check_columns,
    column_name,
)

MAX_ROWS = 100_000
MAX_BYTES = 100 * 1024 * 1024
MAX_PICTURES = 20
MAX_STOCK = 2_000_000_000
LIMITS = {
    "id": 100,
    "title": 200,
    "description": 9999,
    "brand": 100,
    "item_group_id": 100,
    "product_type": 250,
    **dict.fromkeys(OPTIONS, 100),
}
FIELD_NAMES = {"id": "retailer_id", "item_group_id": "item_group", "product_type": "category"}
AVAILABILITY = ("in stock", "out of stock", "preorder", "available for order", "discontinued")
CONDITION = ("new", "refurbished", "used")
STATUS = {"active": False, "published": False, "archived": True, "hidden": True, "staging": True}
PRICES = ("price", "sale_price")
# A comma is taken only where it can stand for nothing but thousands.
_PRICE = re.compile(
    r"(?:(?P<before>[A-Za-z]{3}) *)?"
    r"(?P<amount>\d{1,12}(?:\.\d{1,3})?|\d{1,3}(?:,\d{3})+\.\d{1,2}) *(?P<after>[A-Za-z]{3})?",
    re.ASCII,
)
_BROKEN_PRICE = re.compile(r"\d{1,3}(?:\.\d+)?\s*[A-Za-z]{3}", re.ASCII)
# Spaces that spreadsheets and web pages put into numbers, and characters without width.
_SPACES = re.compile("[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_NO_WIDTH = re.compile("[\u200b-\u200f\u2060\ufeff]")
# A spreadsheet's short form of a long number, whose last digits are lost.
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE | re.ASCII)
_SEPARATORS = re.compile(r"[\s,;|]+(?=https?://)")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class InvalidCell(Exception):
    """A cell is invalid; the message says why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one cell; rows are counted as in spreadsheets, from the heading row 1."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class FeedContext:
    """What rows are checked against: currency, time zone of times without one, our base URL."""

    currency: str
    zone: tzinfo
    base_url: str = ""


def read_feed(raw: bytes) -> Feed:
    """Detect the form (CSV, XML, JSON), encoding, separator and headings.

    Raises BadFeed for a file that is no table or lacks a required column.
    """
    if feed_xml.is_xml(raw):
        return feed_xml.read_feed(raw)
    text = _decode(raw)
    if feed_json.is_json(text):
        return feed_json.read_feed(text)
    first = next(
        (line for line in text.splitlines() if line.strip() and not line.startswith(("#", '"#'))),
        "",
    )
    separator = max("\t,;", key=first.count)
    rows = _numbered_rows(io.StringIO(text, newline=""), separator)
    _, heading = next(rows, (0, []))
    names = [column_name(cell) for cell in heading]
    check_columns(names)
    known = tuple(name for name in names if name in COLUMNS)
    ignored = tuple(
        cell.strip()[:60] for cell, name in zip(heading, names, strict=True) if name not in COLUMNS
    )
    return Feed(known, tuple(filter(None, ignored)), _rows_by_column(rows, names))


def _decode(raw: bytes) -> str:
    encodings = (
        ["utf-16"] if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "cp1252"]
    )
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadFeed("This is no text file. Save the table as CSV.")


def _numbered_rows(lines: Iterator[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Non-empty rows with their numbers, the heading first.

    Rows of comments are skipped: Meta's template explains its columns in them. Below the heading a
    quote that is not closed is an error: it would swallow the rows that follow.
    """
    number, has_heading = 0, False
    table = csv.reader(lines, delimiter=separator)
    try:
        while (cells := next(table, None)) is not None:
            number += 1
            if any(cell.strip() for cell in cells) and not _is_comment(cells, has_heading):
                if not has_heading:
                    table = csv.reader(lines, delimiter=separator, strict=True)
                has_heading = True
                yield number, cells
    except csv.Error as error:
        raise BadFeed(f"The table breaks off near row {number + 1}: {error}.") from None


def _is_comment(cells: list[str], has_heading: bool) -> bool:
    """Return whether a row explains the columns; below the heading `#1001` is an id."""
    first = cells[0].lstrip() if cells else ""
    if not first.startswith("#"):
        return False
    filled = [cell.strip() for cell in cells if cell.strip()]
    many = len(filled) > 1 and all(cell.startswith("#") for cell in filled)
    return not has_heading or first.startswith("# ") or many


def _rows_by_column(
    rows: Iterator[tuple[int, list[str]]], names: list[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, cells in rows:
        row = {name: plain(cell.strip()) for name, cell in zip(names, cells, strict=False)}
        kept = {name: value for name, value in row.items() if name in COLUMNS}
        fault = _fault(cells, names)
        yield number, kept | ({FAULT: fault} if fault else {})


def _fault(cells: list[str], names: list[str]) -> str:
    """Return why the cells of a row cannot belong to its columns; "" if they can."""
    while len(cells) > len(names) and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) != len(names):
        return (
            f"The row has {len(cells)} cells, the first one names {len(names)} columns. Put quotes "
            "around a cell that holds the separator."
        )
    for name, cell, after in zip(names, cells, cells[1:], strict=False):
        if name in PRICES and cell.strip().isdigit() and _BROKEN_PRICE.fullmatch(after.strip()):
            return (
                f"A comma seems to break the {name} into '{cell.strip()}' and '{after.strip()}'. "
                "Write it with a point, or in quotes."
            )
    return ""


def fields_of(columns: tuple[str, ...]) -> list[str]:
    """Names of the product fields that a file with these columns sets."""
    found = {FIELD_NAMES.get(column, column) for column in columns}
    if found & {"image_link", "additional_image_link"}:
        found |= {"pictures"}
    return sorted(found)


def check_row(
    row: Mapping[str, str], number: int, shop: FeedContext
) -> tuple[dict[str, Any], list[Problem]]:
    """The row's values for the database, and the problems of its cells."""
    made: dict[str, Any] = {"options": {}}
    problems: list[Problem] = []
    if fault := row.get(FAULT):
        return made | {"pictures": []}, [Problem(number, "row", row.get("id", "")[:120], fault)]
    for column, value in row.items():
        try:
            if CONTROL.search(value):
                raise InvalidCell("It holds control characters.")
            made |= _parse_cell(column, value, made, shop)
        except InvalidCell as wrong:
            problems.append(Problem(number, column, value[:120], str(wrong)))
    if (
        not problems
        and made.get("sale_price_minor") is not None
        and made["sale_price_minor"] > made["price_minor"]
    ):
        problems.append(
            Problem(number, "sale_price", row["sale_price"][:120], "It is above the price.")
        )
    made["pictures"] = list(dict.fromkeys([*made.pop("first", []), *made.pop("others", [])]))[
        :MAX_PICTURES
    ]
    return made, problems


def _parse_cell(column: str, value: str, made: dict[str, Any], shop: FeedContext) -> dict[str, Any]:
    if column in OPTIONS:
        kept = {column: _text(column, value)} if value else {}
        return {"options": made["options"] | kept}
    if column in LIMITS:
        return {FIELD_NAMES.get(column, column): _text(column, value)}
    taken: dict[str, Any] = CELL_PARSERS[column](_spaced(value), shop)
    return taken


def _text(column: str, value: str) -> str:
    if column in REQUIRED and not value:
        raise InvalidCell("It is needed.")
    if column == "id" and _SHORTENED.fullmatch(value):
        raise InvalidCell("A spreadsheet has shortened this number; its last digits are lost.")
    if len(value) > LIMITS[column]:
        raise InvalidCell(f"It has {len(value):,} characters; {LIMITS[column]:,} is the limit.")
    return value


def _spaced(value: str) -> str:
    """Return a cell with plain spaces, and without characters that have no width."""
    return _SPACES.sub(" ", _NO_WIDTH.sub("", value)).strip()


def _price(value: str, shop: FeedContext) -> int:
    match = _PRICE.fullmatch(_spaced(value))
    if match is None:
        raise InvalidCell(f"Write a number with a point, then the currency: 9.99 {shop.currency}.")
    currency = (match["before"] or match["after"] or shop.currency).upper()
    if currency != shop.currency or (match["before"] and match["after"]):
        raise InvalidCell(f"The shop sells in {shop.currency}.")
    try:
        return prices.minor_of_text(match["amount"].replace(",", ""), currency)
    except ValueError:
        raise InvalidCell(f"{currency} has fewer decimals.") from None


def _sale(value: str, shop: FeedContext) -> dict[str, Any]:
    price = _price(value, shop) if value else None
    if price == 0:
        raise InvalidCell("A sale price of 0 gives it away. Leave the cell empty for no sale.")
    return {"sale_price_minor": price}


def _sale_dates(value: str, shop: FeedContext) -> dict[str, Any]:
    if not value:
        return {"sale_from": None, "sale_until": None}
    start, slash, end = value.partition("/")
    if not slash:
        raise InvalidCell(
            "Write begin and end with a slash between: "
            "2026-05-01T00:00+00:00/2026-05-31T23:59+00:00."
        )
    since, until = _timestamp(start, shop), _timestamp(end, shop)
    if since and until and since >= until:
        raise InvalidCell("It ends before it begins.")
    return {"sale_from": since and since.isoformat(), "sale_until": until and until.isoformat()}


def _timestamp(text: str, shop: FeedContext) -> datetime | None:
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidCell(
            f"'{text.strip()[:40]}' is no time such as 2026-05-01T00:00+00:00."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=shop.zone)


def _choice(column: str, known: tuple[str, ...]) -> Any:
    def take(value: str, shop: FeedContext) -> dict[str, Any]:
        word = " ".join(value.lower().replace("_", " ").split()) or known[0]
        if word not in known:
            raise InvalidCell(f"It is one of: {', '.join(known)}.")
        return {column: word}

    return take


def _status(value: str, shop: FeedContext) -> dict[str, Any]:
    word = value.lower() or "active"
    if word not in STATUS:
        raise InvalidCell("It is active or archived.")
    return {"is_hidden": STATUS[word]}


def _stock(value: str, shop: FeedContext) -> dict[str, Any]:
    if not value:
        return {"stock": None}
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and int(value) <= MAX_STOCK):
        raise InvalidCell(f"It is a whole number from 0 to {MAX_STOCK:,}.")
    return {"stock": int(value)}


def _tax(value: str, shop: FeedContext) -> dict[str, Any]:
    try:
        percent = Decimal(value or 0)
    except InvalidOperation:
        percent = Decimal(-1)
    if not (
        percent.is_finite() and 0 <= percent <= 100 and percent == percent.quantize(Decimal("0.01"))
    ):
        raise InvalidCell("It is a percentage from 0 to 100 with two decimals at most.")
    return {"tax_percent": str(percent)}


def _link(value: str, shop: FeedContext) -> dict[str, Any]:
    return {"link": _url(value) if value else ""}


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        fits = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and len(value) <= 1000
            and " " not in value
        )
    except ValueError:
        fits = False
    if not fits:
        raise InvalidCell(
            "It is an address that begins with https:// and has at most 1,000 characters."
        )
    return value


def _pictures(place: str) -> Any:
    def take(value: str, shop: FeedContext) -> dict[str, Any]:
        found = _SEPARATORS.split(value) if place == "others" else [value]
        return {
            place: [_picture_source(one.strip(" ,;|"), shop) for one in found if one.strip(" ,;|")]
        }

    return take


def _picture_source(value: str, shop: FeedContext) -> str:
    """A link, or `media:<id>` for a picture that is stored here already."""
    url = _url(value)
    own = re.fullmatch(re.escape(shop.base_url) + r"/s/[-\w]+/pictures/(\d{1,32})/\d+\.webp", url)
    return f"media:{own[1]}" if own and shop.base_url else url


def _collections(value: str, shop: FeedContext) -> dict[str, Any]:
    names = list(dict.fromkeys(name.strip() for name in value.split("|") if name.strip()))
    if any(len(name) > 80 for name in names):
        raise InvalidCell("The name of a collection has at most 80 characters.")
    return {"collections": names}


CELL_PARSERS: dict[str, Any] = {
    "availability": _choice("availability", AVAILABILITY),
    "condition": _choice("condition", CONDITION),
    "price": lambda value, shop: {"price_minor": _price(value, shop)},
    "sale_price": _sale,
    "sale_price_effective_date": _sale_dates,
    "link": _link,
    "image_link": _pictures("first"),
    "additional_image_link": _pictures("others"),
    "quantity_to_sell_on_facebook": _stock,
    "status": _status,
    "custom_label_0": _collections,
    "tax_percent": _tax,
}


def export_row(row: Mapping[str, Any], currency: str) -> list[str]:
    """Cells of a product's row for the export.

    `row` has the product's fields, `pictures` and `collections`.
    """
    since, until = row["sale_from"], row["sale_until"]
    sale = row["sale_price_minor"]
    cells = {name: row[FIELD_NAMES.get(name, name)] for name in LIMITS if name not in OPTIONS}
    cells |= {name: row["options"].get(name, "") for name in OPTIONS}
    cells |= {
        "availability": row["availability"],
        "condition": row["condition"],
        "price": f"{money.minor_amount(row['price_minor'], currency)} {currency}",
        "sale_price": "" if sale is None else f"{money.minor_amount(sale, currency)} {currency}",
        "sale_price_effective_date": f"{_iso(since)}/{_iso(until)}" if since or until else "",
        "link": row["link"],
        "image_link": row["pictures"][0] if row["pictures"] else "",
        "additional_image_link": ",".join(row["pictures"][1:]),
        "quantity_to_sell_on_facebook": "" if row["stock"] is None else row["stock"],
        "status": "archived" if row["is_hidden"] else "active",
        "custom_label_0": "|".join(row["collections"]),
        "tax_percent": row["tax_percent"],
    }
    return [guarded(str(cells[name])) for name in COLUMNS]


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
