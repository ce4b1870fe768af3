"""Catalogues in the Cloud API: those of an account, their products, and batches of changes."""

from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse

from accounts.models import KeyScope
from core import links, money
from core.wake import notify
from hosting.api.bodies import request_body
from hosting.api.keys import Caller, authenticated, cloud_api
from hosting.api.nodes import own_account, page
from hosting.api.responses import answer
from hosting.cloudapi import fields
from hosting.cloudapi.json import as_dict, as_list, as_text, unfolded
from hosting.errors import CloudApiError
from shops import tasks
from shops.catalog.batches import Fault, apply_batch
from shops.catalog.pictures import EDGES, size_url
from shops.models import Catalog, Picture, Product

SALT = "shops.api.catalogs"
HANDLE_SECONDS = 24 * 60 * 60
# A handle carries its result; more errors than these are only counted.
MAX_ERRORS = 50


@cloud_api("GET", "POST", "DELETE")
def catalogs(request: HttpRequest, waba_id: str) -> HttpResponse:
    """The catalogues of an account's numbers; they are made under Shop."""
    with authenticated(request) as caller:
        caller.require(KeyScope.SHOP)
        account = own_account(caller, waba_id)
        if request.method != "GET":
            raise CloudApiError(3, "A catalogue is made and given its number under Shop, Settings.")
        return page(request, _own(caller).filter(number__account=account), catalog_object)


def _own(caller: Caller) -> Any:
    rows = Catalog.objects.filter(business=caller.business, number__in=caller.numbers())
    return rows.select_related("business", "number").order_by("id")


def _required(caller: Caller, catalog_id: str) -> Catalog:
    caller.require(KeyScope.SHOP)
    found: Catalog | None = _own(caller).filter(catalog_id=catalog_id).first()
    if found is None:
        raise CloudApiError(803, f"Object with ID '{catalog_id}' does not exist, or is not yours.")
    return found


def catalog_object(catalog: Catalog) -> dict[str, Any]:
    """Return a catalogue as the Cloud API shows it."""
    return {"id": catalog.catalog_id, "name": catalog.name, "vertical": "commerce"}


@cloud_api("GET", "POST")
def products(request: HttpRequest, catalog_id: str) -> HttpResponse:
    """The products of a catalogue, or a new one."""
    with authenticated(request) as caller:
        catalog = _required(caller, catalog_id)
        if request.method == "GET":
            rows = catalog.products.select_related("catalog").prefetch_related("pictures__media")
            wanted = request.GET.get("retailer_id", "")
            rows = rows.filter(retailer_id=wanted) if wanted else rows
            return page(request, rows.order_by("id"), product_object)
        return answer({"id": str(_created(catalog, as_dict(request_body(request))).pk)})


def _created(catalog: Catalog, given: dict[str, Any]) -> Product:
    name = fields.text(given, "retailer_id", "body", limit=100)
    currency = fields.text(given, "currency", "body", limit=3)
    price = fields.integer(given, "price", "body", least=0, most=10**12)
    if catalog.products.filter(retailer_id=name).exists():
        raise CloudApiError(100, f"A product has the id '{name}' already.", field="retailer_id")
    if currency == catalog.currency:
        # Whole minor units, as the network's interface has them here.
        given = given | {"price": f"{money.minor_amount(price, currency)} {currency}"}
    else:
        raise CloudApiError(100, f"The catalogue is in {catalog.currency}.", field="currency")
    faults = apply_batch(catalog, [{"method": "CREATE", "data": given | {"id": name}}])
    if faults:
        raise CloudApiError(100, faults[0].message, field=faults[0].message.partition(":")[0])
    notify(tasks.fetch_pictures)
    return catalog.products.get(retailer_id=name)


def product_object(product: Product) -> dict[str, Any]:
    """Return a product as the network's catalogue interface shows it."""
    currency = product.catalog.currency
    pictures = [_picture_url(product, one) for one in product.pictures.all()]
    sale = product.sale_price_minor
    return {
        "id": str(product.pk),
        "retailer_id": product.retailer_id,
        "name": product.title,
        "description": product.description,
        "price": money.show_minor(product.price_minor, currency),
        "sale_price": None if sale is None else money.show_minor(sale, currency),
        "currency": currency,
        "availability": product.availability,
        "condition": product.condition,
        "brand": product.brand,
        "category": product.category,
        "url": product.link,
        "image_url": next(iter(pictures), ""),
        "additional_image_urls": pictures[1:],
        "retailer_product_group_id": product.item_group,
        "visibility": "hidden" if product.is_hidden else "published",
        "inventory": product.stock,
    }


def _picture_url(product: Product, picture: Picture) -> str:
    own = size_url(product.catalog.slug, picture, EDGES[-1])
    return links.absolute(own) if own else picture.source_url


@cloud_api("POST")
def items_batch(request: HttpRequest, catalog_id: str) -> HttpResponse:
    """Create, change and delete up to 5,000 products; done when the answer comes."""
    with authenticated(request) as caller:
        catalog = _required(caller, catalog_id)
        given = as_dict(request_body(request))
        kind = as_text(given.get("item_type")) or "PRODUCT_ITEM"
        if kind != "PRODUCT_ITEM":
            raise CloudApiError(100, "item_type must be PRODUCT_ITEM.", field="item_type")
        requests = _requests(given.get("requests"))
        faults = apply_batch(
            catalog, requests, allow_upsert=given.get("allow_upsert") not in (False, "false")
        )
        handle = signing.dumps(
            {
                "catalog": catalog.catalog_id,
                "errors": [[one.line, one.retailer_id, one.message] for one in faults[:MAX_ERRORS]],
                "count": len(faults),
            },
            salt=SALT,
            compress=True,
        )
    notify(tasks.fetch_pictures)
    return answer({"handles": [handle], "validation_status": _validation(faults)})


def _requests(raw: Any) -> list[Any]:
    found = unfolded(raw)
    if not isinstance(found, list):
        raise CloudApiError(100, "requests must be an array of requests.", field="requests")
    return found


def _validation(faults: list[Fault]) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, str]]] = {}
    for fault in faults:
        found.setdefault(fault.retailer_id, []).append({"message": fault.message})
    return [
        {"retailer_id": name, "errors": errors, "warnings": []} for name, errors in found.items()
    ]


@cloud_api("GET")
def batch_status(request: HttpRequest, catalog_id: str) -> HttpResponse:
    """`check_batch_request_status`: what came of a batch, by its handle."""
    with authenticated(request) as caller:
        catalog = _required(caller, catalog_id)
        handle = request.GET.get("handle", "")
        try:
            held = as_dict(signing.loads(handle, salt=SALT, max_age=HANDLE_SECONDS))
        except signing.BadSignature:
            held = {}
        if held.get("catalog") != catalog.catalog_id:
            raise CloudApiError(100, "handle names no batch of this catalogue.", field="handle")
    errors = [
        {"line": line, "id": name, "message": message}
        for line, name, message in map(as_list, as_list(held.get("errors")))
    ]
    status = {
        "handle": handle,
        "status": "finished",
        "errors_total_count": held["count"],
        "errors": errors,
        "warnings_total_count": 0,
        "warnings": [],
        "ids_of_invalid_requests": list(dict.fromkeys(one["id"] for one in errors)),
    }
    return answer({"data": [status]})
