"""Product feeds as XML: RSS 2.0 and Atom with the columns of Google's and Meta's catalogues."""

import io
from collections.abc import Iterator

from lxml import etree

from shops.catalog.feed_columns import COLUMNS, BadFeed, Feed, check_columns, column_name

ITEMS = ("item", "entry", "product")
# Elements of RSS that say the same as a column, where that is missing.
INSTEAD = {"guid": "id"}
MAX_DEPTH = 20


def is_xml(raw: bytes) -> bool:
    """Return whether a file begins as XML does."""
    start = raw[:200].replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf")
    return start.lstrip(b"\xff\xfe").lstrip().startswith(b"<")


def read_feed(raw: bytes) -> Feed:
    """Return the products of an XML feed; rows are counted from 1.

    Raises BadFeed for XML that is broken, or that holds no products.
    """
    names: dict[str, None] = {}
    products = 0
    for _, row in _rows(raw):
        products += 1
        names |= dict.fromkeys(row)
    if not products:
        raise BadFeed("There is no product in the file: no <item>, <entry> or <product>.")
    check_columns(list(names))
    known = tuple(name for name in COLUMNS if name in names)
    ignored = tuple(name[:60] for name in names if name not in COLUMNS)
    rows = (
        (number, {name: value for name, value in row.items() if name in known})
        for number, row in _rows(raw)
    )
    return Feed(known, ignored, rows)


def _rows(raw: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    # Neither entities nor addresses of the file are followed.
    events = etree.iterparse(
        io.BytesIO(raw), events=("end",), resolve_entities=False, no_network=True, load_dtd=False
    )
    number = 0
    try:
        for _, element in events:
            if _local(element) in ITEMS and not any(
                _local(parent) in ITEMS for parent in element.iterancestors()
            ):
                number += 1
                yield number, _row(element)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise BadFeed(f"The XML breaks off near product {number + 1}: {error.msg}.") from None


def _row(product: etree._Element) -> dict[str, str]:
    """Return a product's elements by column; those of the catalogue's own namespace count first."""
    found: dict[str, list[str]] = {}
    plain: dict[str, list[str]] = {}
    for element in product:
        if not isinstance(element.tag, str):
            continue
        name = column_name(_local(element))
        value = "".join(element.itertext()).strip() or str(element.get("href", "")).strip()
        kept = found if "google.com" in element.tag or "/ns/" in element.tag else plain
        kept.setdefault(name, []).append(value)
    found = plain | found
    for name, column in INSTEAD.items():
        if name in found:
            found.setdefault(column, found[name])
            del found[name]
    return {name: _joined(name, values) for name, values in found.items()}


def _joined(name: str, values: list[str]) -> str:
    if name == "additional_image_link":
        return ",".join(filter(None, values))
    if name == "custom_label_0":
        return "|".join(filter(None, values))
    return values[0]


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
