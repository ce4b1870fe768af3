"""Files of products: rows and cells as they are read, and what is no feed."""

import io
from datetime import UTC

import pytest

from core.errors import BadInput
from core.tenancy import scope, system
from shops.catalog import feed_csv, imports
from shops.models import CatalogImport
from tests.shops.catalog.test_imports import FULL, shop
from tests.shops.sample_data import make_catalog

# Fixtures.
__all__ = ["shop"]


SHOP = feed_csv.FeedContext("EUR", UTC, "https://parley.example")


def test_a_full_row_is_read_with_exact_values():
    row, problems = feed_csv.check_row(FULL, 2, SHOP)
    assert problems == []
    assert row == {
        "retailer_id": "rye-1",
        "title": "Rye",
        "description": 'Dark, "dense"\nand sour',
        "availability": "in stock",
        "condition": "new",
        "price_minor": 450,
        "link": "https://x.example/rye",
        "brand": "Miller",
        "pictures": [
            "https://x.example/1.jpg",
            "https://x.example/2.jpg",
            "https://x.example/3.jpg",
        ],
        "sale_price_minor": 390,
        "sale_from": "2026-05-01T00:00:00+02:00",
        "sale_until": "2026-06-01T00:00:00+00:00",
        "item_group": "rye",
        "options": {"size": "1 kg"},
        "category": "Bread > Rye",
        "stock": 12,
        "is_hidden": True,
        "collections": ["Bread", "Gifts"],
        "tax_percent": "7.00",
    }


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("id", "", "It is needed."),
        ("id", "x" * 101, "It has 101 characters; 100 is the limit."),
        ("title", "x" * 201, "It has 201 characters; 200 is the limit."),
        ("title", "a\x00b", "It holds control characters."),
        ("price", "", "Write a number with a point, then the currency: 9.99 EUR."),
        ("price", "9,99 EUR", "Write a number with a point, then the currency: 9.99 EUR."),
        ("price", "-1 EUR", "Write a number with a point, then the currency: 9.99 EUR."),
        ("price", "٣ EUR", "Write a number with a point, then the currency: 9.99 EUR."),
        ("price", "9.99 USD", "The shop sells in EUR."),
        ("price", "9.999 EUR", "EUR has fewer decimals."),
        ("sale_price", "4.51 EUR", "It is above the price."),
        (
            "sale_price_effective_date",
            "2026-05-01",
            "Write begin and end with a slash between: "
            "2026-05-01T00:00+00:00/2026-05-31T23:59+00:00.",
        ),
        (
            "sale_price_effective_date",
            "May/June",
            "'May' is no time such as 2026-05-01T00:00+00:00.",
        ),
        ("sale_price_effective_date", "2026-05-02/2026-05-01", "It ends before it begins."),
        (
            "availability",
            "soon",
            "It is one of: in stock, out of stock, preorder, available for order, discontinued.",
        ),
        ("condition", "old", "It is one of: new, refurbished, used."),
        ("quantity_to_sell_on_facebook", "1.5", "It is a whole number from 0 to 2,000,000,000."),
        ("quantity_to_sell_on_facebook", "-1", "It is a whole number from 0 to 2,000,000,000."),
        ("status", "maybe", "It is active or archived."),
        ("tax_percent", "101", "It is a percentage from 0 to 100 with two decimals at most."),
        ("tax_percent", "NaN", "It is a percentage from 0 to 100 with two decimals at most."),
        (
            "link",
            "ftp://x",
            "It is an address that begins with https:// and has at most 1,000 characters.",
        ),
        (
            "image_link",
            "javascript:alert(1)",
            "It is an address that begins with https:// and has at most 1,000 characters.",
        ),
    ],
)
def test_a_wrong_cell_is_named_with_its_row_column_and_reason(column, value, reason):
    _, problems = feed_csv.check_row(FULL | {column: value}, 7, SHOP)
    assert problems == [feed_csv.Problem(7, column, value[:120], reason)]


def test_separators_encodings_comments_and_other_names_of_columns_are_understood():
    text = (
        '"# Required | the id",# Optional\nID;Title;Price;Inventory;Shoe width\n'
        "1;Käse;2 EUR;3;wide\n\n"
    )
    for raw in (
        text.encode(),
        text.encode("utf-8-sig"),
        text.encode("cp1252"),
        text.encode("utf-16"),
    ):
        found = feed_csv.read_feed(raw)
        assert (found.columns, found.ignored) == (
            ("id", "title", "price", "quantity_to_sell_on_facebook"),
            ("Shoe width",),
        )
        assert list(found.rows) == [
            (3, {"id": "1", "title": "Käse", "price": "2 EUR", "quantity_to_sell_on_facebook": "3"})
        ]


@pytest.mark.parametrize(
    "raw", [b"", b"id,title\n1,x\n", b"id,id,title,price\n", b"\xff\xfe\x00", b"PK\x03\x04"]
)
def test_what_is_no_feed_is_refused_before_it_is_kept(raw, db):
    shop = make_catalog()
    with scope(shop.business_id), pytest.raises(BadInput):
        imports.create_import(catalog=shop, author=None, file=io.BytesIO(raw), filename="x.csv")
    with system("test"):
        assert not CatalogImport.objects.exists()
