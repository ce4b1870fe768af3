"""Product pages: filtered list, and one product with pictures, stock and variants."""

from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS
from core.errors import BadInput
from core.paging import after_row, cursor_of, read_cursor
from core.wake import notify
from shops import tasks
from shops.catalog import pictures
from shops.catalog import products as catalog_products
from shops.forms import ProductForm, StockForm, initial_of
from shops.models import Availability, Catalog, Collection, Picture, Product, StockMove

SELLERS = AGENTS
PAGE_SIZE = 50
MOVES_SHOWN = 20
ORDERING = ("title", "id")


def shop_required(view: Any) -> Any:
    """Pass the business's shop to the view; without a shop, show a page that offers to open one."""

    @wraps(view)
    def wrapped(request: BusinessRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        catalog = catalog_products.get_shop(request.business)
        if catalog is None:
            if args or kwargs or request.method == "POST":
                raise Http404
            return render(request, "shops/no_shop.html")
        answer: HttpResponse = view(request, catalog, *args, **kwargs)
        return answer

    return wrapped


@require_GET
@member_page(*SELLERS)
@shop_required
def products(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """Products by title, filtered by the query parameters."""
    asked = request.GET
    rows = catalog_products.filter_by_state(
        catalog.products.search(asked.get("q", "")[:100]), asked.get("stock", "")
    )
    if asked.get("availability") in Availability.values:
        rows = rows.filter(availability=asked["availability"])
    collection = Collection.objects.filter(
        catalog=catalog, slug=asked.get("collection", "")[:80]
    ).first()
    if collection is not None:
        rows = rows.filter(collections=collection)
    shown, after = _page(rows.select_related("business"), asked.get("after", ""))
    context = {
        "catalog": catalog,
        "rows": shown,
        "after": after,
        "asked": asked,
        "narrowed": any(
            asked.get(name) for name in ("q", "stock", "availability", "collection", "after")
        ),
        "collections": catalog.collections.all(),
        "availabilities": Availability.choices,
        "low": catalog_products.LOW_STOCK,
        "unfetched": pictures.dead_pictures(catalog).count(),
    }
    return render(request, "shops/catalog/products.html", context)


@require_POST
@member_page(*SELLERS)
@shop_required
def retry_pictures(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """Fetch pictures again whose fetch was given up."""
    count = pictures.retry_dead(catalog)
    notify(tasks.fetch_pictures)
    messages.success(request, _("%(count)s pictures are fetched again.") % {"count": count})
    return redirect("shop_products")


def _page(rows: Any, after: str) -> tuple[list[Product], str]:
    rows = catalog_products.with_first_picture(rows.order_by(*ORDERING))
    if after:
        try:
            rows = after_row(rows, ORDERING, read_cursor(after[:600], rows, ORDERING))
        except ValueError:
            raise Http404 from None
    found = list(rows[: PAGE_SIZE + 1])
    return found[:PAGE_SIZE], cursor_of(found[PAGE_SIZE - 1], ORDERING) if len(
        found
    ) > PAGE_SIZE else ""


@member_page(*SELLERS)
@shop_required
def new_product(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """Create a product; with `?like=` as a variant of an existing one."""
    like = _product_to_copy(request, catalog)
    start = (
        initial_of(like, catalog.currency, like.collections.all())
        if like
        else {"availability": "in stock"}
    )
    if like:
        start |= {"retailer_id": "", "item_group": like.item_group or like.retailer_id}
    form = ProductForm(catalog, request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        product = Product(business=request.business, catalog=catalog)
        if _save(request, form, product):
            if like and not like.item_group:
                catalog_products.save_product(like, changes={"item_group": product.item_group})
            return redirect("shop_product", product.pk)
    status = 422 if request.method == "POST" else 200
    return render(
        request,
        "shops/catalog/product.html",
        {"catalog": catalog, "form": form, "like": like},
        status=status,
    )


def _product_to_copy(request: BusinessRequest, catalog: Catalog) -> Product | None:
    text = request.GET.get("like", "")
    return (
        catalog_products.get_product(catalog, int(text))
        if text.isascii() and text.isdigit() and len(text) < 19
        else None
    )


def _save(request: BusinessRequest, form: ProductForm, product: Product) -> bool:
    try:
        catalog_products.save_product(
            product,
            changes=form.changes(),
            collection_ids=form.collection_ids(),
            author=request.user,
        )
    except BadInput as refused:
        form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        return False
    messages.success(request, _("Saved."))
    return True


@member_page(*SELLERS)
@shop_required
def product(request: BusinessRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """One product; POST changes it."""
    found = catalog_products.get_product(catalog, product_id)
    form = ProductForm(
        catalog,
        request.POST or None,
        initial=initial_of(found, catalog.currency, found.collections.all()),
    )
    if request.method == "POST" and form.is_valid() and _save(request, form, found):
        return redirect("shop_product", found.pk)
    if request.method == "POST":
        found.refresh_from_db()
    status = 422 if request.method == "POST" else 200
    return render(
        request,
        "shops/catalog/product.html",
        _product_context(catalog, found) | {"form": form},
        status=status,
    )


def _product_context(catalog: Catalog, found: Product) -> dict[str, Any]:
    variants = (
        catalog.products.filter(item_group=found.item_group)
        if found.item_group
        else Product.objects.none()
    )
    return {
        "catalog": catalog,
        "product": found,
        "pictures": Picture.objects.filter(product=found)
        .select_related("media")
        .order_by("position"),
        "moves": StockMove.objects.filter(product=found)
        .select_related("author", "order")
        .order_by("-id")[:MOVES_SHOWN],
        "variants": variants.select_related("business").order_by("title", "id")[:100],
        "stock_form": StockForm(initial={"stock": found.stock}),
        "most_pictures": pictures.MAX_PICTURES,
    }


@require_POST
@member_page(*SELLERS)
@shop_required
def stock(request: BusinessRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """Set the stock or change it by a number, with a reason."""
    found = catalog_products.get_product(catalog, product_id)
    form = StockForm(request.POST)
    if not form.is_valid():
        messages.error(
            request, " ".join(str(error) for errors in form.errors.values() for error in errors)
        )
        return redirect("shop_product", found.pk)
    given, why = form.cleaned_data, {"reason": form.cleaned_data["reason"], "author": request.user}
    try:
        if given["by"]:
            catalog_products.change_stock(found, by=given["by"], **why)
        else:
            catalog_products.set_stock(found, stock=given["stock"], **why)
    except BadInput as refused:
        messages.error(request, refused.message)
    return redirect("shop_product", found.pk)


@require_POST
@member_page(*SELLERS)
@shop_required
def add_picture(request: BusinessRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """Add pictures to a product."""
    found = catalog_products.get_product(catalog, product_id)
    try:
        for file in request.FILES.getlist("picture")[: pictures.MAX_PICTURES]:
            pictures.add_picture(
                found,
                content=file.read(),
                mime_type=file.content_type or "",
                filename=file.name or "",
            )
    except BadInput as refused:
        messages.error(request, refused.message)
    return redirect("shop_product", found.pk)


@require_POST
@member_page(*SELLERS)
@shop_required
def change_picture(
    request: BusinessRequest, catalog: Catalog, product_id: int, picture_id: int
) -> HttpResponse:
    """Move a picture to the front, or remove it (`do=remove`)."""
    found = catalog_products.get_product(catalog, product_id)
    held = Picture.objects.filter(product=found).select_related("media")
    picture = held.filter(pk=picture_id).first() if picture_id < 2**63 else None
    if picture is None:
        raise Http404
    if request.POST.get("do") == "remove":
        pictures.remove_picture(picture)
    else:
        pictures.move_to_front(picture)
    return redirect("shop_product", found.pk)


@require_POST
@member_page(*SELLERS)
@shop_required
def remove_product(request: BusinessRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """Delete a product; orders keep their copies of its data."""
    catalog_products.remove_product(catalog_products.get_product(catalog, product_id))
    messages.success(request, _("The product is gone."))
    return redirect("shop_products")
