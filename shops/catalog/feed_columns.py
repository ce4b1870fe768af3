"""Columns of product feeds, whatever the form of the file: names, what is needed, rows."""

from collections.abc import Iterator
from dataclasses import dataclass

OPTIONS = ("color", "size", "material", "pattern")
# In the order of the export; tax_percent is our own column, custom_label_0 holds the collections.
COLUMNS = (
    "id",
    "title",
    "description",
    "availability",
    "condition",
    "price",
    "link",
    "image_link",
    "brand",
    "additional_image_link",
    "sale_price",
    "sale_price_effective_date",
    "item_group_id",
    *OPTIONS,
    "product_type",
    "quantity_to_sell_on_facebook",
    "status",
    "custom_label_0",
    "tax_percent",
)
REQUIRED = ("id", "title", "price")
ALIASES = {
    "inventory": "quantity_to_sell_on_facebook",
    "quantity_to_sell_on_fb": "quantity_to_sell_on_facebook",
    "visibility": "status",
    "colour": "color",
}
# What is wrong with a whole row stands among its cells under this name.
FAULT = ""


class BadFeed(Exception):
    """The file is not a feed; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A parsed feed: known columns, ignored headings, and numbered rows."""

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    rows: Iterator[tuple[int, dict[str, str]]]


def column_name(cell: str) -> str:
    """Return the column that a heading names, in small letters, without its aliases."""
    plain = cell.strip().lower().replace(" ", "_").removeprefix("g:")
    return ALIASES.get(plain, plain)


def check_columns(names: list[str]) -> None:
    """Raise BadFeed if a required column is missing, or one is there twice."""
    for needed in REQUIRED:
        if needed not in names:
            raise BadFeed(
                f"The column '{needed}' is missing. "
                "The first row names the columns, such as id, title, price."
            )
    doubled = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if doubled:
        raise BadFeed(f"The column '{doubled[0]}' is there twice.")
