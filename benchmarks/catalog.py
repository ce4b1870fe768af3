"""Catalogue: products imported per second; response times of shop page, product and search."""

import csv
import io
import os
import statistics
import time
from collections.abc import Callable

import psycopg

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

PRODUCTS = int(os.environ.get("BENCH_PRODUCTS", "20000"))
BAD_EVERY = 100
ROUNDS = 40
WORDS = [
    "rye",
    "wheat",
    "spelt",
    "oat",
    "barley",
    "sesame",
    "poppy",
    "linseed",
    "walnut",
    "raisin",
    "olive",
    "cheese",
    "butter",
    "honey",
    "malt",
]
COLUMNS = (
    "business_id, catalog_id, retailer_id, title, description, brand, category, link, item_group,"
    " options, condition, availability, price_minor, tax_percent, stock, is_hidden, created_at,"
    " updated_at"
)


def main() -> None:
    """Measure and print."""
    with benchmark_servers() as servers:
        catalog = _shop()
        job, looked = _checked_import(catalog)
        start = time.perf_counter()
        while _slice():
            pass
        seconds = time.perf_counter() - start
        _check(job)
        written, plain = _copied(servers)
        pages, queries = _pages(catalog), _queries(servers, catalog)
    good = PRODUCTS - PRODUCTS // BAD_EVERY
    assert written == good, f"{written} of {good} products were imported"
    figures = [
        Figure(
            "catalog",
            "products imported, beside COPY of the same rows",
            good / seconds,
            good / plain,
            "rows/s",
        ),
        Figure("catalog", "rows looked through before", PRODUCTS / looked, None, "rows/s"),
    ]
    figures += [
        Figure(
            "catalog",
            f"{name}, beside its bare query by the tables' owner",
            pages[name],
            queries[name],
            "ms",
        )
        for name in pages
    ]
    show(
        f"Catalogue of {PRODUCTS:,} products, {PRODUCTS // BAD_EVERY:,} bad rows among them",
        figures,
    )


def _shop():
    from accounts.models import Business
    from core.tenancy import system
    from hosting.models import Account, Number
    from shops.models import Catalog

    with system("benchmark"):
        business = Business.objects.create(name="Bakery", plan_id="business")
        account = Account.objects.create(business=business, name="a")
        number = Number.objects.create(
            business=business, account=account, digits="15550100100", verified_name="Bakery"
        )
        return Catalog.objects.create(
            business=business, number=number, name="Bakery", slug="bakery", currency="EUR"
        )


def _feed() -> bytes:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(
        ["id", "title", "description", "availability", "condition", "price", "brand", "inventory"]
    )
    for n in range(PRODUCTS):
        title = f"{WORDS[n % 15]} {WORDS[n // 15 % 15]} loaf {n}".title()
        price = "free" if n % BAD_EVERY == 0 else f"{1 + n % 900 / 100:.2f} EUR"
        about = " ".join(WORDS[(n + k) % 15] for k in range(30))
        table.writerow(
            [f"sku-{n}", title, about, "in stock", "new", price, f"Mill {n % 40}", n % 50]
        )
    return text.getvalue().encode()


def _checked_import(catalog):
    """An import that is ready with all its problems, and the seconds that checking took."""
    from core.tenancy import scope
    from shops.catalog import imports

    with scope(catalog.business_id):
        job = imports.create_import(
            catalog=catalog, author=None, file=io.BytesIO(_feed()), filename="feed.csv"
        )
    start = time.perf_counter()
    imports.run_due()
    looked = time.perf_counter() - start
    with scope(catalog.business_id):
        job.refresh_from_db()
        imports.start_import(job)
    return job, looked


def _slice() -> int:
    from shops.catalog import imports

    return imports.run_due()


def _check(job) -> None:
    from core.tenancy import scope

    with scope(job.business_id):
        job.refresh_from_db()
        assert (job.state, job.bad, job.problems.count()) == (
            "done",
            PRODUCTS // BAD_EVERY,
            PRODUCTS // BAD_EVERY,
        )


def _copied(servers) -> tuple[int, float]:
    """Number of rows, and the seconds in which COPY writes them into an equal table."""
    with psycopg.connect(servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True) as db:
        db.execute("ANALYZE shops_product")  # as autovacuum does soon after
        db.execute("CREATE TABLE bare (LIKE shops_product INCLUDING ALL)")
        with (
            db.cursor() as cursor,
            cursor.copy(f"COPY (SELECT {COLUMNS} FROM shops_product) TO STDOUT") as copy,
        ):
            held = b"".join(bytes(piece) for piece in copy)
        start = time.perf_counter()
        with db.cursor() as cursor:
            with cursor.copy(f"COPY bare ({COLUMNS}) FROM STDIN") as copy:
                copy.write(held)
            return cursor.rowcount, time.perf_counter() - start


def _pages(catalog) -> dict[str, float]:
    """Median milliseconds of each page through the whole application, without a cache."""
    from django.test import Client

    from core.tenancy import scope

    with scope(catalog.business_id):
        product = catalog.products.order_by("title", "id")[PRODUCTS // 2]
    client = Client(SERVER_NAME="localhost")
    addresses = {
        "shop front": "/s/bakery/",
        "product": f"/s/bakery/p/{product.pk}/",
        "search, frequent": "/s/bakery/?q=rye+loaf",
        "search, one of all": f"/s/bakery/?q={PRODUCTS // 2 + 1}",
    }
    return {
        name: _median(lambda path=path: _seen(client.get(path))) for name, path in addresses.items()
    }  # type: ignore[misc]


def _seen(answer) -> None:
    assert answer.status_code == 200, answer.status_code


def _queries(servers, catalog) -> dict[str, float]:
    """Median milliseconds of the same rows by one prepared query each."""
    listed = (
        "SELECT * FROM shops_product WHERE catalog_id = %s AND NOT is_hidden {}"
        " ORDER BY title, id LIMIT 25"
    )
    found = listed.format("AND words @@ to_tsquery('simple', %s)")
    asked = {
        "shop front": (listed.format(""), [catalog.pk]),
        "product": (
            "SELECT * FROM shops_product WHERE catalog_id = %s AND retailer_id = %s",
            [catalog.pk, "sku-5001"],
        ),
        "search, frequent": (found, [catalog.pk, "rye:* & loaf:*"]),
        "search, one of all": (found, [catalog.pk, f"{PRODUCTS // 2 + 1}:*"]),
    }
    with psycopg.connect(servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True) as db:
        return {
            name: _median(lambda q=query, p=parameters: db.execute(q, p, prepare=True).fetchall())  # type: ignore[misc]
            for name, (query, parameters) in asked.items()
        }


def _median(work: Callable[[], object]) -> float:
    work()
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)
