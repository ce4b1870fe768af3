"""Changes of many products in one request, as the Cloud API's `items_batch` has them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from core import money
from core.errors import BadInput
from hosting.cloudapi.json import as_dict, as_list, as_text
from shops.catalog import feed_csv, feed_json, products
from shops.catalog.feed_columns import COLUMNS, FAULT
from shops.catalog.imports import write_products
from shops.models import Catalog, Product
from shops.orders.place import stock_reason

METHODS = ("CREATE", "UPDATE", "DELETE")
MAX_REQUESTS, MAX_DELETES = 5_000, 500


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one request of a batch did nothing; `line` counts them from 1."""

    line: int
    retailer_id: str
    message: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    line: int
    method: str
    cells: dict[str, str]

    @property
    def retailer_id(self) -> str:
        return self.cells.get("id", "")


def apply_batch(
    catalog: Catalog, requests: Sequence[Any], *, allow_upsert: bool = True
) -> list[Fault]:
    """Create, change and delete products; return what was wrong with those that did nothing.

    A change sets what it names; without `allow_upsert` one of an unknown product does nothing. A
    product is named once in a batch. Raises BadInput for a batch that is too large. Call in the
    business's scope.
    """
    if not 1 <= len(requests) <= MAX_REQUESTS:
        raise BadInput(
            _("A batch has 1 to %(most)d requests.") % {"most": MAX_REQUESTS}, field="requests"
        )
    faults: list[Fault] = []
    wanted = _wanted(requests, faults)
    deletes = [one for one in wanted if one.method == "DELETE"]
    if len(deletes) > MAX_DELETES:
        raise BadInput(
            _("A batch deletes %(most)d products at most.") % {"most": MAX_DELETES},
            field="requests",
        )
    # All of them at once and in one order, so that two batches never wait for each other.
    rows = catalog.products.select_related("business", "catalog").select_for_update(of=("self",))
    held = rows.filter(retailer_id__in=[one.retailer_id for one in wanted]).order_by("id")
    known = {product.retailer_id: product for product in held}
    with stock_reason(_("Catalogue API"), author=None):
        _write(
            catalog, [one for one in wanted if one.method != "DELETE"], known, allow_upsert, faults
        )
        for one in deletes:
            if one.retailer_id in known:
                products.remove_product(known[one.retailer_id])
            else:
                faults.append(Fault(one.line, one.retailer_id, "There is no such product."))
    return sorted(faults, key=lambda fault: fault.line)


def _wanted(requests: Sequence[Any], faults: list[Fault]) -> list[_Wanted]:
    """Read the requests; those that name no product, or one again, are faults."""
    found: dict[str, _Wanted] = {}
    for line, request in enumerate(map(as_dict, requests), start=1):
        method = as_text(request.get("method")).upper()
        data = as_dict(request.get("data"))
        name = as_text(data.get("id")) or as_text(request.get("retailer_id"))
        cells = feed_json.row_of(_with_pictures(data) | {"id": name})
        cells = {key: cell for key, cell in cells.items() if key in (*COLUMNS, FAULT)}
        if method not in METHODS:
            faults.append(Fault(line, name, f"method must be one of {', '.join(METHODS)}."))
        elif not name:
            faults.append(Fault(line, name, "data.id is required."))
        elif name in found:
            faults.append(Fault(line, name, f"Request {found[name].line} has this id already."))
        else:
            found[name] = _Wanted(line, method, cells)
    return list(found.values())


def _with_pictures(data: dict[str, Any]) -> dict[str, Any]:
    """The network names pictures as a list `image` of objects with `url`."""
    links = [as_text(as_dict(one).get("url")) for one in as_list(data.get("image"))]
    if not links:
        return {key: value for key, value in data.items() if key != "image"}
    given = {"image_link": links[0], "additional_image_link": links[1:]}
    return {key: value for key, value in data.items() if key != "image"} | given


def _write(
    catalog: Catalog,
    wanted: Sequence[_Wanted],
    known: dict[str, Product],
    allow_upsert: bool,
    faults: list[Fault],
) -> None:
    shop = feed_csv.FeedContext(
        catalog.currency, ZoneInfo(catalog.business.timezone), settings.BASE_URL
    )
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for one in wanted:
        product = known.get(one.retailer_id)
        if product is None and one.method == "UPDATE" and not allow_upsert:
            faults.append(Fault(one.line, one.retailer_id, "There is no such product."))
            continue
        cells = _filled(one.cells, product, catalog.currency)
        row, problems = feed_csv.check_row(cells, one.line, shop)
        faults += [
            Fault(one.line, one.retailer_id, f"{problem.column}: {problem.reason}")
            for problem in problems
        ]
        if not problems:
            groups[tuple(sorted(one.cells))].append(row)
    for columns in sorted(groups):
        write_products(catalog, groups[columns], columns)


def _filled(cells: dict[str, str], product: Product | None, currency: str) -> dict[str, str]:
    """The cells with what every row needs, of the product where they do not name it."""
    needed = {"title": "", "price": ""}
    if product is not None:
        price = money.minor_amount(product.price_minor, currency)
        needed = {"title": product.title, "price": f"{price} {currency}"}
    return {"id": "", **needed} | cells
