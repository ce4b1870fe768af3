"""The demo's shop: a feed of coffees and gear, imported as sellers do, with drawn pictures."""

import csv
import io
import random

from PIL import Image, ImageDraw, ImageFont

from accounts.models import Business
from core.tenancy import scope
from hosting.models import Number
from shops.catalog import imports, pictures
from shops.models import Catalog, DeliveryMethod, Product

SLUG = "luma"
# Two days, so that the board of orders shows unpaid ones.
HOLD_MINUTES = 2 * 24 * 60
# id, group, title, description, price, sale price, size, colour, collections, stock
COFFEE = "Whole beans, roasted on Tuesdays and Thursdays, sent the same day."
GOODS = [
    (
        "eth-250",
        "eth",
        "Yirgacheffe, Ethiopia",
        f"Jasmine, bergamot, apricot. {COFFEE}",
        "14.50",
        "",
        "250 g",
        "#c98b3b",
        "Filter",
        "48",
    ),
    (
        "eth-1000",
        "eth",
        "Yirgacheffe, Ethiopia",
        f"Jasmine, bergamot, apricot. {COFFEE}",
        "49.00",
        "",
        "1 kg",
        "#c98b3b",
        "Filter",
        "12",
    ),
    (
        "ken-250",
        "ken",
        "Nyeri AA, Kenya",
        f"Blackcurrant, grapefruit, cane sugar. {COFFEE}",
        "16.00",
        "13.50",
        "250 g",
        "#a83f4a",
        "Filter",
        "30",
    ),
    (
        "ken-1000",
        "ken",
        "Nyeri AA, Kenya",
        f"Blackcurrant, grapefruit, cane sugar. {COFFEE}",
        "54.00",
        "46.00",
        "1 kg",
        "#a83f4a",
        "Filter",
        "4",
    ),
    (
        "col-250",
        "col",
        "Huila, Colombia",
        f"Caramel, red apple, cocoa. {COFFEE}",
        "13.00",
        "",
        "250 g",
        "#7d5a3c",
        "Filter|Espresso",
        "60",
    ),
    (
        "bra-250",
        "bra",
        "Cerrado, Brazil",
        f"Hazelnut, milk chocolate, low acidity. {COFFEE}",
        "11.50",
        "",
        "250 g",
        "#5b7a4a",
        "Espresso",
        "80",
    ),
    (
        "bra-1000",
        "bra",
        "Cerrado, Brazil",
        f"Hazelnut, milk chocolate, low acidity. {COFFEE}",
        "38.00",
        "",
        "1 kg",
        "#5b7a4a",
        "Espresso",
        "25",
    ),
    (
        "house-250",
        "house",
        "Lighthouse espresso blend",
        f"Dark chocolate, toasted almond, a long finish. {COFFEE}",
        "12.00",
        "",
        "250 g",
        "#2f5d73",
        "Espresso",
        "120",
    ),
    (
        "decaf-250",
        "",
        "Decaf, Mexico",
        f"Mountain water process. Honey and walnut. {COFFEE}",
        "13.50",
        "",
        "250 g",
        "#6c6f9c",
        "Filter|Espresso",
        "0",
    ),
    (
        "v60",
        "",
        "Dripper, ceramic",
        "One or two cups. Fits 02 papers.",
        "24.00",
        "",
        "02",
        "#d9d4c7",
        "Gear",
        "9",
    ),
    (
        "papers",
        "",
        "Filter papers, 100",
        "Unbleached, size 02.",
        "6.50",
        "",
        "02",
        "#b8a98a",
        "Gear",
        "200",
    ),
    (
        "grinder",
        "",
        "Hand grinder",
        "Steel burrs, 38 settings, 20 g.",
        "89.00",
        "79.00",
        "",
        "#3c4043",
        "Gear",
        "5",
    ),
    (
        "mug-sand",
        "mug",
        "Luma mug",
        "Stoneware, 300 ml, made in Vermont.",
        "18.00",
        "",
        "",
        "#cbb28a",
        "Gear|Gifts",
        "22",
    ),
    (
        "mug-sea",
        "mug",
        "Luma mug",
        "Stoneware, 300 ml, made in Vermont.",
        "18.00",
        "",
        "",
        "#4f8a8b",
        "Gear|Gifts",
        "17",
    ),
    (
        "gift-50",
        "",
        "Gift card, 50 dollars",
        "By message, at once. Valid three years.",
        "50.00",
        "",
        "",
        "#0d6b62",
        "Gifts",
        "",
    ),
]
COLOURS = {"mug-sand": "Sand", "mug-sea": "Sea"}


def open_shop(business: Business, number: Number) -> None:
    """Create the demo's shop with products, pictures and shipping methods, unless it exists."""
    with scope(business.pk):
        if Catalog.objects.filter(business=business).exists():
            return
        catalog = Catalog.objects.create(
            business=business,
            number=number,
            name=business.name,
            slug=SLUG,
            currency="USD",
            tax_included=False,
            description="Small lots, roasted in Burlington. Order here, pay and ask in the chat.",
            takes_cash=True,
            hold_minutes=HOLD_MINUTES,
        )
        for position, (name, price) in enumerate(
            [("Dispatch, 2 to 3 days", 590), ("Pick up at the roastery", 0)]
        ):
            DeliveryMethod.objects.create(
                business=business,
                catalog=catalog,
                name=name,
                price_minor=price,
                position=position,
                needs_address=price > 0,
            )
        job = imports.create_import(
            catalog=catalog, author=None, file=io.BytesIO(_feed()), filename="luma-spring.csv"
        )
    while imports.run_due():
        pass
    with scope(business.pk):
        job.refresh_from_db()
        imports.start_import(job)
    while imports.run_due():
        pass
    with scope(business.pk):
        for row, product in zip(GOODS, _products(catalog), strict=True):
            pictures.add_picture(
                product, content=_draw_picture(row[2], row[6], row[7]), mime_type="image/jpeg"
            )


def _products(catalog: Catalog) -> list[Product]:
    found = {
        product.retailer_id: product for product in catalog.products.select_related("business")
    }
    return [found[row[0]] for row in GOODS]


def _feed() -> bytes:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(
        [
            "id",
            "item_group_id",
            "title",
            "description",
            "price",
            "sale_price",
            "size",
            "color",
            "custom_label_0",
            "quantity_to_sell_on_facebook",
            "availability",
            "condition",
            "brand",
            "tax_percent",
        ]
    )
    for name, group, title, about, price, sale, size, _colour, collections, stock in GOODS:
        table.writerow(
            [
                name,
                group,
                title,
                about,
                f"{price} USD",
                f"{sale} USD" if sale else "",
                size,
                COLOURS.get(name, ""),
                collections,
                stock,
                "in stock",
                "new",
                "Luma",
                "0",
            ]
        )
    return text.getvalue().encode()


def _draw_picture(title: str, size: str, colour: str) -> bytes:
    """A picture of a bag in the product's colour with its name: JPEG, 1200 x 1200 pixels."""
    # No secret: a pause, or data of the demo.
    rng, edge = random.Random(title), 1200  # nosec B311
    picture = Image.new("RGB", (edge, edge), "#efe9dc")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 860, edge, edge), fill="#ddd2bd")
    draw.ellipse((250, 950, 950, 1040), fill="#c9bca2")
    draw.rounded_rectangle((330, 220, 870, 1000), radius=46, fill=colour)
    draw.rectangle((330, 300, 870, 316), fill="#ffffff")
    draw.rounded_rectangle((400, 460, 800, 800), radius=20, fill="#fbf8f1")
    name, _, origin = title.partition(", ")
    for text, y, height in ((name[:22], 520, 34), (origin[:22], 590, 30), (size, 700, 44)):
        draw.text((600, y), text, fill="#1b2224", font=ImageFont.load_default(height), anchor="mm")
    for _n in range(40):
        x, y = rng.randint(60, 1140), rng.randint(1040, 1170)
        draw.ellipse((x, y, x + 26, y + 18), fill="#5a3b28")
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=88)
    return held.getvalue()
