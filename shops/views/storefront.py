"""The shop's public page: no login, nothing of other servers, the same answer for everybody, so that it can be cached."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.utils.translation.trans_real import (
    get_supported_language_variant,
    parse_accept_lang_header,
)
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import conditional_page, require_GET, require_POST

from core.errors import BadInput
from core.paging import after_row, cursor_of, read_cursor
from core.tenancy import scope, system
from shops import carts
from shops.catalog import pictures
from shops.catalog.products import in_front, with_first_picture
from shops.models import Cart, Catalog, Collection, CollectionProduct, Picture, Product

# A picture's address names its content.
FOREVER = "public, max-age=31536000, immutable"
SECONDS = 60
PAGE = 24
ORDERING = ("title", "id")
MONTH = 30 * 24 * 3600
Deed = Callable[..., HttpResponseBase]


def shop_at(slug: str) -> Catalog:
    """The shop of this address, or 404."""
    with system("an address is read before its business is known"):
        found = Catalog.objects.select_related("business", "number").filter(slug=slug).first()
    if found is None:
        raise Http404
    return found


def in_front_of(view: Deed) -> Callable[..., HttpResponseBase]:
    """Hand the view the shop of the address, in its business's scope and the reader's language.

    The language comes from the browser alone: a cookie would make the answer one that cannot be shared.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponseBase:
        catalog = shop_at(slug)
        with scope(catalog.business_id), translation.override(_language(request)):
            return view(request, catalog, **kwargs)

    # The simulated phone opens the page in its own frame.
    framing: Callable[[Any], Any] = csp_replace({"frame-ancestors": ["'self'"]})
    framed: Callable[..., HttpResponseBase] = xframe_options_sameorigin(framing(wrapped))
    return framed


def _language(request: HttpRequest) -> str:
    for code, _quality in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return "en"


def shared(view: Deed) -> Deed:
    """Let the answer be kept by whoever stands between for a minute, and asked for again by its ETag."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        patch_cache_control(response, public=True, max_age=SECONDS, stale_while_revalidate=600)
        return response

    return conditional_page(wrapped)


@require_GET
@shared
@in_front_of
def home(request: HttpRequest, catalog: Catalog, collection: str = "") -> HttpResponse:
    """What is sold, by title: all of it, one collection, or what was searched for."""
    shelf = (
        Collection.objects.filter(catalog=catalog, slug=collection).first() if collection else None
    )
    if collection and shelf is None:
        raise Http404
    words = request.GET.get("q", "").strip()[:100]
    # A search names the variant that is meant; a list shows each product once.
    rows = catalog.products.shown().called(words) if words else in_front(catalog)
    if shelf is not None:
        rows = rows.filter(collections=shelf)
    shown, after = _page(rows, request.GET.get("after", ""), catalog)
    context = {
        "catalog": catalog,
        "shelf": shelf,
        "shelves": _shelves(catalog),
        "rows": shown,
        "after": after,
        "words": words,
    }
    return render(request, "shops/front/home.html", context)


def _shelves(catalog: Catalog) -> list[Collection]:
    """Those that hold something."""
    holds = CollectionProduct.objects.filter(collection=OuterRef("pk"))
    return list(catalog.collections.filter(Exists(holds)))


def _page(rows: Any, after: str, catalog: Catalog) -> tuple[list[Product], str]:
    rows = with_first_picture(rows.order_by(*ORDERING))
    if after:
        try:
            rows = after_row(rows, ORDERING, read_cursor(after[:600], rows, ORDERING))
        except ValueError:
            raise Http404 from None
    found = list(rows[: PAGE + 1])
    for product in found:
        product.business = catalog.business
    return found[:PAGE], cursor_of(found[PAGE - 1], ORDERING) if len(found) > PAGE else ""


@require_GET
@shared
@in_front_of
def product(request: HttpRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """One product with its pictures and its variants."""
    found = catalog.products.shown().filter(pk=product_id).first() if product_id < 2**63 else None
    if found is None:
        raise Http404
    found.business = catalog.business
    siblings = catalog.products.shown().filter(item_group=found.item_group)
    context = {
        "catalog": catalog,
        "shelves": _shelves(catalog),
        "product": found,
        "pictures": Picture.objects.filter(product=found, media__isnull=False).select_related(
            "media"
        ),
        "variants": list(siblings[:100]) if found.item_group else [],
        "base": request.build_absolute_uri("/")[:-1],
    }
    return render(request, "shops/front/product.html", context)


@require_GET
@in_front_of
def cart(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """What was gathered, and how it goes on in the chat."""
    held = _cart(request, catalog)
    response = _cart_page(request, catalog, held)
    response["Cache-Control"] = "private, no-store"
    return response


def _cart_page(
    request: HttpRequest, catalog: Catalog, held: Cart | None, error: str = ""
) -> HttpResponse:
    lines = carts.lines_of(held, catalog)
    context = {
        "catalog": catalog,
        "shelves": _shelves(catalog),
        "lines": lines,
        "total": carts.total_of(lines),
        "cart": held,
        "error": error,
    }
    response = render(request, "shops/front/cart.html", context, status=422 if error else 200)
    return _remember(response, catalog, held, len(lines))


@csrf_exempt
@require_POST
@in_front_of
def change_cart(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Add to the cart (`add`), or set how many there are (`quantity`, 0 takes it out); then the cart is shown."""
    if not _is_ours(request):
        return HttpResponse(status=403)
    held, given = _cart(request, catalog), request.POST
    try:
        held = carts.put(
            catalog, held, product_id=_whole(given.get("product")), quantity=_whole(given.get("quantity", "1")),
            add=given.get("do") == "add",
        )  # fmt: skip
    except BadInput as refused:
        return _cart_page(request, catalog, held, refused.message)
    response = redirect("shop_cart", catalog.slug)
    return _remember(response, catalog, held, held.lines.count())


def _is_ours(request: HttpRequest) -> bool:
    """Whether the form stands on a page of ours: a page that is the same for all can hold no secret of a session."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or origin == f"{request.scheme}://{request.get_host()}"


def _whole(text: Any) -> int:
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19):
        return -1
    return int(text)


def _cart(request: HttpRequest, catalog: Catalog) -> Cart | None:
    return carts.cart_at(catalog, request.COOKIES.get("cart", ""))


def _remember(
    response: HttpResponse, catalog: Catalog, held: Cart | None, count: int
) -> HttpResponse:
    """The cart's code in a cookie for this shop alone; beside it the count, which the page's script may read."""
    path = reverse("shop_front", args=[catalog.slug])
    if held is None:
        response.delete_cookie("cart", path=path)
        response.delete_cookie("cart_count", path=path)
    else:
        secure = bool(settings.SESSION_COOKIE_SECURE)
        response.set_cookie(
            "cart", held.code, MONTH, path=path, httponly=True, samesite="Lax", secure=secure
        )
        response.set_cookie(
            "cart_count", str(count), MONTH, path=path, samesite="Lax", secure=secure
        )
    return response


@require_GET
@in_front_of
def chat(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """On to the chat, with a first message that names the cart."""
    held = carts.cart_at(catalog, request.GET.get("cart", ""))
    response = redirect(carts.chat_address(catalog, held))
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@in_front_of
def qr(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """The link to the chat as a QR code, of the cart where the address names one."""
    held = carts.cart_at(catalog, request.GET.get("cart", ""))
    return HttpResponse(
        carts.qr_of(carts.link_of(catalog, held)), content_type="image/svg+xml",
        headers={"Cache-Control": "private, max-age=300"},
    )  # fmt: skip


@require_GET
def picture(request: HttpRequest, slug: str, media_id: str, edge: int) -> HttpResponseBase:
    """One size of a product's picture."""
    catalog = shop_at(slug)
    with scope(catalog.business_id):
        shown = Picture.objects.filter(product__catalog=catalog, media__media_id=media_id[:32])
        held = shown.select_related("media").first()
    if held is None or held.media is None or edge not in pictures.EDGES:
        raise Http404
    try:
        file = default_storage.open(pictures.size_path(held.media, edge), "rb")
    except OSError:
        raise Http404 from None
    return FileResponse(file, content_type="image/webp", headers={"Cache-Control": FOREVER})
