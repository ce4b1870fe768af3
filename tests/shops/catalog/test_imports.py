"""Imports of product feeds: parsing, checking, writing in batches, exporting; a round trip changes
nothing.
"""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.tenancy import scope, system
from hosting.models import Media
from shops.catalog import feed_csv, imports, pictures
from shops.models import CatalogImport, Collection, ImportProblem, Picture, Product, StockMove
from tests.hosting.receivers import Receiver
from tests.shops.catalog.test_pages import a_picture, login
from tests.shops.sample_data import make_catalog, make_product

FULL = {
    "id": "rye-1",
    "title": "Rye",
    "description": 'Dark, "dense"\nand sour',
    "availability": "In_Stock",
    "condition": "",
    "price": "4.50 EUR",
    "link": "https://x.example/rye",
    "image_link": "https://x.example/1.jpg",
    "brand": "Miller",
    "additional_image_link": "https://x.example/2.jpg,https://x.example/3.jpg|https://x.example/2.jpg",
    "sale_price": "EUR 3.9",
    "sale_price_effective_date": "2026-05-01T00:00+02:00/2026-06-01T00:00",
    "item_group_id": "rye",
    "color": "",
    "size": "1 kg",
    "product_type": "Bread > Rye",
    "quantity_to_sell_on_facebook": "12",
    "status": "archived",
    "custom_label_0": "Bread|Gifts",
    "tax_percent": "7.00",
}


def table(*rows, heading=None):
    heading = heading or list(rows[0])
    lines = io.StringIO()
    feed_csv.csv.writer(lines).writerows(
        [heading, *[[row.get(name, "") for name in heading] for row in rows]]
    )
    return lines.getvalue().encode()


@pytest.fixture
def shop(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return make_catalog()


def work():
    while imports.run_due():
        pass


def import_file(shop, raw, *, go=True):
    with scope(shop.business_id):
        job = imports.create_import(
            catalog=shop, author=None, file=io.BytesIO(raw), filename="feed.csv"
        )
    work()
    if go:
        with scope(shop.business_id):
            imports.start_import(fresh(job))
        work()
    return fresh(job)


def fresh(job):
    with system("test"):
        return CatalogImport.objects.select_related("catalog", "business").get(pk=job.pk)


def state_of(shop):
    with system("test"):
        return (
            list(Product.objects.filter(catalog=shop).order_by("id").values()),
            list(Picture.objects.filter(product__catalog=shop).order_by("id").values()),
            list(
                Collection.objects.filter(catalog=shop)
                .order_by("id")
                .values_list("name", "products__retailer_id")
            ),
        )


def test_good_rows_come_in_and_bad_ones_are_listed_by_row_and_column(shop, monkeypatch):
    monkeypatch.setattr(imports, "BATCH", 2)
    rows = [
        FULL,
        {"id": "bun", "title": "Bun", "price": "1 EUR"},
        {"id": "bun", "title": "Bun again", "price": "1 EUR"},
        {"id": "bad", "title": "", "price": "x"},
        {"id": "roll", "title": "Roll", "price": "0.80 EUR", "quantity_to_sell_on_facebook": "5"},
    ]
    job = import_file(shop, table(*rows, heading=list(FULL)), go=False)
    assert (job.state, job.total, job.bad, job.known, job.good, job.fresh) == (
        "ready",
        5,
        2,
        0,
        3,
        3,
    )
    assert [row["retailer_id"] for row in job.sample] == ["rye-1", "bun", "roll"]
    with system("test"):
        found = list(
            ImportProblem.objects.filter(job=job)
            .order_by("row", "id")
            .values_list("row", "column", "value", "reason")
        )
        assert not Product.objects.exists()
    assert found == [
        # The description of row 2 goes over two lines: rows are counted as spreadsheets do.
        (4, "id", "bun", "Row 3 has this id already."),
        (5, "title", "", "It is needed."),
        (5, "price", "x", "Write a number with a point, then the currency: 9.99 EUR."),
    ]
    with scope(shop.business_id):
        imports.start_import(job)
    work()
    job = fresh(job)
    assert (job.state, job.processed, job.added, job.changed, job.unchanged) == ("done", 5, 3, 0, 0)
    with system("test"):
        rye, bun, roll = Product.objects.order_by("retailer_id").in_bulk(field_name="id").values()
        assert {p.retailer_id for p in (rye, bun, roll)} == {"rye-1", "bun", "roll"}
        rye = Product.objects.get(retailer_id="rye-1")
        kept = (
            rye.price_minor,
            rye.sale_price_minor,
            rye.stock,
            rye.is_hidden,
            rye.tax_percent,
            rye.options,
        )
        assert kept == (450, 390, 12, True, Decimal("7.00"), {"size": "1 kg"})
        assert rye.sale_until == datetime(2026, 6, 1, tzinfo=UTC)
        links = list(
            Picture.objects.filter(product=rye)
            .order_by("position")
            .values_list("source_url", flat=True)
        )
        assert links == [f"https://x.example/{n}.jpg" for n in (1, 2, 3)]
        assert sorted(rye.collections.values_list("name", flat=True)) == ["Bread", "Gifts"]
        moves = sorted(StockMove.objects.values_list("product__retailer_id", "change", "reason"))
        assert moves == [("roll", 5, "Import of feed.csv"), ("rye-1", 12, "Import of feed.csv")]


def test_a_round_trip_changes_nothing(shop):
    product = make_product(
        shop, "own", title='=Own, "quoted"', stock=3, options={"color": "Rot"}, tax_percent="19.5"
    )
    with scope(shop.business_id):
        pictures.add_picture(product, content=a_picture().read(), mime_type="image/jpeg")
    assert import_file(shop, table(FULL)).added == 1
    before = state_of(shop)
    with scope(shop.business_id):
        held = io.BytesIO()
        imports.export_products(shop, held)
    job = import_file(shop, held.getvalue())
    assert (job.state, job.added, job.changed, job.unchanged, job.bad) == ("done", 0, 0, 2, 0)
    assert state_of(shop) == before
    with system("test"):
        assert not Media.objects.exclude(deleted_at=None).exists()


def test_columns_that_are_not_there_change_nothing(shop):
    import_file(shop, table(FULL))
    job = import_file(shop, b"id,title,price,size\nrye-1,Rye bread,5 EUR,\n")
    assert (job.added, job.changed) == (0, 1)
    with system("test"):
        rye = Product.objects.get(retailer_id="rye-1")
        kept = (
            rye.title,
            rye.price_minor,
            rye.sale_price_minor,
            rye.stock,
            rye.brand,
            rye.is_hidden,
            rye.options,
        )
        assert kept == ("Rye bread", 500, 390, 12, "Miller", True, {})
        assert (rye.pictures.count(), rye.collections.count()) == (3, 2)


def test_an_import_replaces_pictures_and_deletes_unused_media(shop):
    product = make_product(shop, "rye-1")
    with scope(shop.business_id):
        own = pictures.add_picture(
            product, content=a_picture().read(), mime_type="image/jpeg"
        ).media
    import_file(
        shop,
        b"id,title,price,image_link,additional_image_link\nrye-1,Rye,1 EUR,https://x.example/2.jpg,\n",
    )
    with system("test"):
        found = list(
            Picture.objects.filter(product=product).values_list("position", "source_url", "media")
        )
        assert found == [(0, "https://x.example/2.jpg", None)]
        assert Media.objects.get(pk=own.pk).deleted_at is not None


def test_another_shops_products_stay_untouched(shop):
    other = make_product(make_catalog(), "rye-1", title="Foreign")
    import_file(shop, table(FULL))
    with system("test"):
        assert Product.objects.get(pk=other.pk).title == "Foreign"


def test_a_cancelled_import_keeps_what_is_in_and_cannot_go_on(shop):
    job = import_file(shop, table(FULL), go=False)
    with scope(shop.business_id):
        imports.cancel_import(job)
        with pytest.raises(imports.WrongImportState):
            imports.start_import(job)
    work()
    assert fresh(job).state == "cancelled"
    with system("test"):
        assert not Product.objects.exists()


def test_a_worker_that_dies_between_sets_loses_and_doubles_nothing(shop, monkeypatch):
    monkeypatch.setattr(imports, "BATCH", 2)
    rows = [{"id": f"p{n}", "title": "P", "price": "1 EUR"} for n in range(5)]
    job = import_file(shop, table(*rows), go=False)
    with scope(shop.business_id):
        imports.start_import(job)
    write, calls = imports.write_products, []

    def dies_at_the_second(*args):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return write(*args)

    monkeypatch.setattr(imports, "write_products", dies_at_the_second)
    imports.run_due()
    assert (fresh(job).processed, fresh(job).added) == (2, 2)
    with system("test"):
        CatalogImport.objects.update(not_before=job.created_at)
    work()
    assert (fresh(job).state, fresh(job).processed, fresh(job).added) == ("done", 5, 5)
    with system("test"):
        assert Product.objects.count() == 5


def test_links_are_fetched_in_the_background_and_faults_are_noted(shop, settings):
    settings.ALLOW_PRIVATE_URLS = True

    def answer(taken):
        return (200, a_picture(900, 600).read()) if taken.path.endswith("/1.jpg") else (404, b"no")

    with Receiver(show=answer) as server:
        import_file(
            shop,
            (
                "id,title,price,image_link,additional_image_link\n"
                f"r,R,1 EUR,{server.url}/1.jpg,{server.url}/2.jpg\n"
            ).encode(),
        )
        assert pictures.fetch_due() == 2
        assert pictures.fetch_due() == 0
    with system("test"):
        first, second = Picture.objects.order_by("position").select_related("media")
    assert (first.media.mime_type, first.last_error, first.attempts) == ("image/jpeg", "", 1)
    assert (second.media, second.last_error, second.attempts) == (
        None,
        "The link answered HTTP 404.",
        1,
    )


def test_private_addresses_are_not_asked(shop, settings):
    settings.ALLOW_PRIVATE_URLS = False
    with Receiver(show=lambda taken: (200, a_picture().read())) as server:
        import_file(shop, f"id,title,price,image_link\nr,R,1 EUR,{server.url}/1.jpg\n".encode())
        pictures.fetch_due()
        assert server.shown == []
    with system("test"):
        [picture] = Picture.objects.all()
        assert (picture.media, picture.attempts, bool(picture.last_error)) == (None, 1, True)


def test_the_pages_take_a_file_in_show_it_and_bring_it_in(shop):
    client = login(shop.business, "agent")
    refused = client.post("/shop/imports/", {"file": io.BytesIO(b"sku,name\n")})
    assert (refused.status_code, b"The column &#x27;id&#x27; is missing." in refused.content) == (
        422,
        True,
    )
    upload = io.BytesIO(table(FULL, {"id": "bad"}, heading=list(FULL)))
    upload.name = "spring.csv"
    address = client.post("/shop/imports/", {"file": upload})["Location"]
    work()
    page = client.get(address).content.decode()
    assert "Import 1 product" in page
    assert "2 things to mend" in page
    assert client.get(f"{address}problems.csv").content.decode("utf-8-sig").splitlines()[1:] == [
        "3,title,,It is needed.",
        '3,price,,"Write a number with a point, then the currency: 9.99 EUR."',
    ]
    client.post(address)
    work()
    assert "Imported" in client.get(address).content.decode()
    exported = b"".join(client.get("/shop/products.csv")).decode().splitlines()
    assert exported[0].startswith(
        "id,title,description,availability,condition,price,link,image_link"
    )
    assert client.post(address).status_code == 409


@pytest.mark.long
def test_twenty_thousand_products_come_in_with_progress_and_every_bad_row_is_listed(shop):
    """Every hundredth price is wrong; importing the export changes nothing."""
    lines = [
        f"p{n},Product {n},{'free' if n % 100 == 0 else f'{n % 900}.50 EUR'},{n % 70}"
        for n in range(20_000)
    ]
    raw = ("id,title,price,inventory\n" + "\n".join(lines)).encode()
    job = import_file(shop, raw, go=False)
    assert (job.state, job.total, job.bad, job.good) == ("ready", 20_000, 200, 19_800)
    with scope(shop.business_id):
        imports.start_import(job)
    seen = []
    while imports.run_due():
        seen.append(fresh(job).percent)
    assert seen == sorted(seen)
    assert (seen[-1], fresh(job).state, fresh(job).added) == (100, "done", 19_800)
    with system("test"):
        rows = list(
            ImportProblem.objects.filter(job=job).order_by("row").values_list("row", flat=True)
        )
    assert rows == [n + 2 for n in range(0, 20_000, 100)]
    with scope(shop.business_id):
        held = io.BytesIO()
        imports.export_products(shop, held)
    again = import_file(shop, held.getvalue())
    assert (again.added, again.changed, again.unchanged) == (0, 0, 19_800)


def test_pictures_that_gave_up_are_counted_listed_and_asked_for_again(shop, settings):
    settings.ALLOW_PRIVATE_URLS = True
    client, other = login(shop.business, "agent"), make_catalog()
    make_product(shop, "bun")
    assert b"could not be fetched" not in client.get("/shop/products/").content
    with Receiver(
        show=lambda taken: (404, b"") if len(server.shown) < 2 else (200, a_picture().read())
    ) as server:
        import_file(shop, f"id,title,price,image_link\nr,R,1 EUR,{server.url}/1.jpg\n".encode())
        with system("test"):
            Picture.objects.update(attempts=4)
        assert pictures.fetch_due() == 1
        for page in ("/shop/products/", "/shop/imports/"):
            assert b"1 picture could not be fetched from its link." in client.get(page).content
        listed = client.get("/shop/products/", {"stock": "unfetched"})
        assert [row.retailer_id for row in listed.context["rows"]] == ["r"]
        assert pictures.fetch_due() == 0
        assert login(other.business).post("/shop/products/pictures/again/").status_code == 302
        assert pictures.fetch_due() == 0
        again = client.post("/shop/products/pictures/again/", follow=True).content.decode()
        assert "1 pictures are fetched again." in again
        assert "could not be fetched" not in again
        assert pictures.fetch_due() == 1
    with system("test"):
        assert Picture.objects.get().media is not None


def test_what_a_file_says_does_not_run_in_the_list_of_its_problems(shop):
    client = login(shop.business, "agent")
    upload = io.BytesIO(table(FULL | {"price": "=1+1"}, heading=list(FULL)))
    upload.name = "spring.csv"
    address = client.post("/shop/imports/", {"file": upload})["Location"]
    work()
    (line,) = client.get(f"{address}problems.csv").content.decode("utf-8-sig").splitlines()[1:]
    assert line.startswith("2,price,'=1+1,")
