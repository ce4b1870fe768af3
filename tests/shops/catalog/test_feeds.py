"""Product feeds as sellers really have them: what is broken is told with its row, never guessed."""

from datetime import UTC
from pathlib import Path

import pytest

from shops.catalog import feed_columns, feed_csv

DATA = Path(__file__).parent / "data"
SHOP = feed_csv.FeedContext("EUR", UTC, "https://parley.example")
Read = list[tuple[int, str, int | None, list[tuple[str, str]]]]


def read(raw: bytes | str) -> Read:
    """Return (row, id, price in cents or None, (column, reason) of each problem)."""
    found = feed_csv.read_feed(raw.encode() if isinstance(raw, str) else raw)
    rows: Read = []
    for number, cells in found.rows:
        row, problems = feed_csv.check_row(cells, number, SHOP)
        price = None if problems else row["price_minor"]
        rows.append((number, cells["id"], price, [(one.column, one.reason) for one in problems]))
    return rows


GIVEN_AWAY = "A sale price of 0 gives it away. Leave the cell empty for no sale."
FIVE = (
    "The row has 5 cells, the first one names 4 columns. Put quotes around a cell that holds the "
    "separator."
)
REPORTED: dict[str, Read] = {
    "feed_unquoted_comma.csv": [(2, "a-1", None, [("row", FIVE)])],
    "feed_hash_id.csv": [(2, "#1001", 1000, []), (3, "a-2", 1100, [])],
    "feed_sale_zero.csv": [(2, "a-1", None, [("sale_price", GIVEN_AWAY)])],
    "feed_nbsp.csv": [(2, "a-1", 1000, [])],
    "feed_rss.xml": [(1, "a-1", 1000, [])],
}


@pytest.mark.parametrize("name", list(REPORTED))
def test_feeds_of_public_reports(name: str) -> None:
    assert read((DATA / name).read_bytes()) == REPORTED[name]


HEAD = "id,title,price\n"


@pytest.mark.parametrize(
    ("price", "cents"),
    [
        ('"1,299.00 EUR"', 129900),
        ('"EUR 1,234,567.5"', 123456750),
        ("10.00\u202fEUR", 1000),
        ("\u200e10.00\u2009EUR\u200b", 1000),
        ("\ufeffEUR\u00a010", 1000),
        # Each may be a thousand or a fraction.
        ('"1,299 EUR"', None),
        ('"1.299,00 EUR"', None),
        ('"12,99 EUR"', None),
        ('"1,29,900.00 EUR"', None),
        ("1 299.00 EUR", None),
        ("1'299.00 EUR", None),
        ("1e3 EUR", None),
    ],
)
def test_a_price_is_understood_or_refused(price: str, cents: int | None) -> None:
    ((_, _, found, problems),) = read(f"{HEAD}a,Rye,{price}\n")
    assert (found, [column for column, _ in problems]) == (cents, [] if cents else ["price"])


@pytest.mark.parametrize(
    ("table", "says"),
    [
        # The same number of cells as columns, by accident.
        ("id,title,price,brand\na,Rye,10,99 EUR\n", "A comma seems to break the price"),
        ("id,title,price,sale_price,brand\na,Rye,12.00 EUR,10,99 EUR\n", "break the sale_price"),
        ("id,title,price,brand\na,Rye, dark,10.00 EUR,Luma\n", "The row has 5 cells"),
        ("id,title,price,brand\na,10.00 EUR\n", "The row has 2 cells"),
        ("id;title;price\na;b;c;10.00 EUR\n", "The row has 4 cells"),
        ("id\ttitle\tprice\na\tb\n", "The row has 2 cells"),
    ],
)
def test_cells_that_do_not_fit_the_columns_refuse_their_row_alone(table: str, says: str) -> None:
    separator = max("\t,;", key=table.count)
    good = separator.join(
        ["b", "Oak", "11.00 EUR", *[""] * (table.split("\n")[0].count(separator) - 2)]
    )
    bad, fine = read(f"{table}{good}\n")
    ((column, reason),) = bad[3]
    assert column == "row"
    assert says in reason
    assert (fine[1], fine[2]) == ("b", 1100)


def test_empty_cells_behind_the_last_column_are_nothing() -> None:
    assert read(f"{HEAD}a,Rye,10.00 EUR,,\n") == [(2, "a", 1000, [])]


def test_a_quote_that_is_not_closed_is_told_before_it_swallows_rows() -> None:
    with pytest.raises(feed_columns.BadFeed, match="breaks off near row 3"):
        read(f'{HEAD}a,Rye,10.00 EUR\nb,"Oak,11.00 EUR\nc,Ash,12.00 EUR\n')
    with pytest.raises(feed_columns.BadFeed, match="breaks off near row 2"):
        read(f'{HEAD}a,"Best" rye,10.00 EUR\n')


def test_comments_explain_columns_and_ids_begin_with_a_hash() -> None:
    rows = read(
        '"# Required | the id","# Required | the title",# price\n' + HEAD + "# a note,,\n"
        "#1,Rye,10.00 EUR\n#id,#title,#price\n#2,,\n"
    )
    assert [(number, name, price) for number, name, price, _ in rows] == [
        (4, "#1", 1000),
        (6, "#2", None),
    ]


def test_an_id_that_a_spreadsheet_shortened_is_refused() -> None:
    ((_, _, price, problems),) = read(f"{HEAD}4.477E+11,Rye,10.00 EUR\n")
    assert price is None
    assert "shortened" in problems[0][1]


ATOM = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<title>Bakery</title><link href="https://x.example"/>
<entry><g:id>a</g:id><title>Plain</title><g:title>R&#228;e</g:title><link href="https://x.example/a"/>
<g:price>1,299.00 EUR</g:price><g:availability>in_stock</g:availability>
<g:image_link>https://x.example/1.jpg</g:image_link>
<g:additional_image_link>https://x.example/2.jpg</g:additional_image_link>
<g:additional_image_link>https://x.example/3.jpg</g:additional_image_link>
<g:shipping><g:price>4.00 EUR</g:price></g:shipping></entry>
<entry><g:id>b</g:id><g:title>Oak</g:title><g:price>9,99 EUR</g:price></entry>
</feed>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_atom_feed_is_read(encoding: str) -> None:
    raw = ATOM.replace("UTF-8", "UTF-16" if encoding == "utf-16" else "UTF-8").encode(encoding)
    found = feed_csv.read_feed(raw)
    assert found.ignored == ("shipping",)
    ((_, cells), (_, second)) = found.rows
    row, problems = feed_csv.check_row(cells, 1, SHOP)
    assert problems == []
    assert (row["title"], row["price_minor"], row["link"], row["availability"]) == (
        "Räe",
        129900,
        "https://x.example/a",
        "in stock",
    )
    assert row["pictures"] == [f"https://x.example/{n}.jpg" for n in (1, 2, 3)]
    assert [one.column for one in feed_csv.check_row(second, 2, SHOP)[1]] == ["price"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"<rss><channel><item><id>a</id></channel></rss>", "The XML breaks off near product 1"),
        (b"<html><body>no</body></html>", "There is no product"),
        (b"<rss><item><id>a</id><title>b</title></item></rss>", "'price' is missing"),
        (b"[", "no JSON"),
        (b"{}", "'id' is missing"),
        (b'{"data": []}', "There is no product"),
        (b'{"id": "a"}\nno\n', "line 2"),
    ],
)
def test_a_broken_feed_is_refused_with_the_reason(raw: bytes, says: str) -> None:
    with pytest.raises(feed_columns.BadFeed, match=says):
        list(feed_csv.read_feed(raw).rows)


def test_xml_from_outside_opens_no_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    raw = (
        f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file://{secret}">]>'
        "<rss><item><id>a</id><title>&x;</title><price>1.00 EUR</price></item></rss>"
    )
    ((_, cells),) = feed_csv.read_feed(raw.encode()).rows
    assert "hidden" not in str(cells)


BOMB = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10 if n else "ha"}">' for n in range(12))


def test_entities_that_name_each_other_are_not_followed() -> None:
    raw = f"<!DOCTYPE rss [{BOMB}]><rss><item><id>&x11;</id><title>a</title></item></rss>"
    with pytest.raises(feed_columns.BadFeed, match="entity amplification"):
        feed_csv.read_feed(raw.encode())


@pytest.mark.parametrize(
    "raw",
    [
        '[{"id": "a", "title": "Rye", "price": "10.00 EUR"}]',
        '{"products": [{"retailer_id": "a", "name": "Rye", "price": "10.00 EUR", "x": null}]}',
        '{"id": "a", "title": "Rye", "price": "10.00 EUR"}\n',
        '{"requests": [{"method": "UPDATE", "retailer_id": "a", '
        '"data": {"title": "Rye", "price": "10.00 EUR"}}]}',
    ],
)
def test_json_feeds_are_read(raw: str) -> None:
    assert read(raw) == [(1, "a", 1000, [])]


def test_a_price_that_is_a_bare_number_in_json_is_refused() -> None:
    ((_, _, price, problems),) = read('[{"id": "a", "title": "Rye", "price": 1000}]')
    assert price is None
    assert "may be units or cents" in problems[0][1]


def test_pictures_and_collections_of_json_are_lists() -> None:
    found = feed_csv.read_feed(
        b'[{"id": "a", "title": "Rye", "price": "1 EUR", "image": [{"url": "https://x.example/0"}],'
        b' "additional_image_link": ["https://x.example/1", "https://x.example/2"],'
        b' "custom_label_0": ["Bread", "Gifts"]}, 7]'
    )
    first, second = list(found.rows)
    row, problems = feed_csv.check_row(first[1], 1, SHOP)
    assert (problems, row["collections"]) == ([], ["Bread", "Gifts"])
    assert row["pictures"] == ["https://x.example/1", "https://x.example/2"]
    assert feed_csv.check_row(second[1], 2, SHOP)[1][0].reason == "It is no object."
