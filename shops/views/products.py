"""Products: the list with its filters, one product with its pictures, stock and variants."""

from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import Role
from core.errors import BadInput
from core.paging import after_row, cursor_of, read_cursor
from core.wake import notify
from shops import tasks
from shops.catalog import pictures
from shops.catalog import products as catalog_products
from shops.forms import ProductForm, StockForm, initial_of
from shops.models import Availability, Catalog, Collection, Picture, Product, StockMove

SELLERS = (Role.OWNER, Role.AGENT)
PAGE = 50
MOVES = 20
ORDERING = ("title", "id")


def in_shop(view: Any) -> Any:
    """Hand the view the business's shop; a page that offers to open one, where there is none."""

    @wraps(view)
    def wrapped(request: BusinessRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        catalog = catalog_products.shop_of(request.business)
        if catalog is None:
            if args or kwargs or request.method == "POST":
                raise Http404
            return render(request, "shops/no_shop.html")
        answer: HttpResponse = view(request, catalog, *args, **kwargs)
        return answer

    return wrapped


@require_GET
@member_page(*SELLERS)
@in_shop
def products(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """Products by title, narrowed by what the address asks for."""
    asked = request.GET
    rows = catalog_products.in_state(
        catalog.products.called(asked.get("q", "")[:100]), asked.get("stock", "")
    )
    if asked.get("availability") in Availability.values:
        rows = rows.filter(availability=asked["availability"])
    shelf = Collection.objects.filter(
        catalog=catalog, slug=asked.get("collection", "")[:80]
    ).first()
    if shelf is not None:
        rows = rows.filter(collections=shelf)
    shown, after = _page(rows.select_related("business"), asked.get("after", ""))
    context = {
        "catalog": catalog,
        "rows": shown,
        "after": after,
        "asked": asked,
        "narrowed": any(
            asked.get(name) for name in ("q", "stock", "availability", "collection", "after")
        ),
        "shelves": catalog.collections.all(),
        "availabilities": Availability.choices,
        "low": catalog_products.LOW,
        "unfetched": pictures.given_up(catalog).count(),
    }
    return render(request, "shops/products.html", context)


@require_POST
@member_page(*SELLERS)
@in_shop
def fetch_again(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """Ask the links that gave no picture once more."""
    count = pictures.given_up(catalog).again()
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
    found = list(rows[: PAGE + 1])
    return found[:PAGE], cursor_of(found[PAGE - 1], ORDERING) if len(found) > PAGE else ""


@member_page(*SELLERS)
@in_shop
def new_product(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """A product that is not there yet, perhaps a variant of one that is (`?like=`)."""
    like = _like(request, catalog)
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
        "shops/product.html",
        {"catalog": catalog, "form": form, "like": like},
        status=status,
    )


def _like(request: BusinessRequest, catalog: Catalog) -> Product | None:
    text = request.GET.get("like", "")
    return (
        catalog_products.product_of(catalog, int(text))
        if text.isascii() and text.isdigit() and len(text) < 19
        else None
    )


def _save(request: BusinessRequest, form: ProductForm, product: Product) -> bool:
    try:
        catalog_products.save_product(
            product, changes=form.changes(), shelves=form.shelves(), author=request.user
        )
    except BadInput as refused:
        form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        return False
    messages.success(request, _("Saved."))
    return True


@member_page(*SELLERS)
@in_shop
def product(request: BusinessRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """One product; POST changes it."""
    found = catalog_products.product_of(catalog, product_id)
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
        request, "shops/product.html", _product_page(catalog, found) | {"form": form}, status=status
    )


def _product_page(catalog: Catalog, found: Product) -> dict[str, Any]:
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
        .order_by("-id")[:MOVES],
        "variants": variants.select_related("business").order_by("title", "id")[:100],
        "stock_form": StockForm(initial={"stock": found.stock}),
        "most_pictures": pictures.MOST,
    }


@require_POST
@member_page(*SELLERS)
@in_shop
def stock(request: BusinessRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """Count anew, or add and take away, with a reason."""
    found = catalog_products.product_of(catalog, product_id)
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
@in_shop
def add_picture(request: BusinessRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """Put pictures behind those that are there."""
    found = catalog_products.product_of(catalog, product_id)
    try:
        for file in request.FILES.getlist("picture")[: pictures.MOST]:
            pictures.add(
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
@in_shop
def change_picture(
    request: BusinessRequest, catalog: Catalog, product_id: int, picture_id: int
) -> HttpResponse:
    """Show it first, or take it away (`do=remove`)."""
    found = catalog_products.product_of(catalog, product_id)
    held = Picture.objects.filter(product=found).select_related("media")
    picture = held.filter(pk=picture_id).first() if picture_id < 2**63 else None
    if picture is None:
        raise Http404
    if request.POST.get("do") == "remove":
        pictures.remove(picture)
    else:
        pictures.put_first(picture)
    return redirect("shop_product", found.pk)


@require_POST
@member_page(*SELLERS)
@in_shop
def remove_product(request: BusinessRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """Let a product go; orders keep what they hold of it."""
    catalog_products.remove_product(catalog_products.product_of(catalog, product_id))
    messages.success(request, _("The product is gone."))
    return redirect("shop_products")
