"""Public pages of a shop: no login, nothing from other servers, and cacheable because they are the
same for everybody.
"""

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

from accounts.access import refusal
from core import widths
from core.errors import BadInput
from core.paging import after_row, cursor_of, read_cursor
from core.tenancy import scope, system
from hosting.models import SimulatedPhone, Transport
from hosting.numbers import guests
from shops import carts
from shops.catalog import pictures
from shops.catalog.products import one_per_group, with_first_picture
from shops.models import Cart, Catalog, Collection, CollectionProduct, Picture, Product

# A picture's URL changes with its content.
IMMUTABLE = "public, max-age=31536000, immutable"
CACHE_SECONDS = 60
PAGE_SIZE = 24
ORDERING = ("title", "id")
CART_COOKIE_SECONDS = 30 * 24 * 3600
StorefrontView = Callable[..., HttpResponseBase]


def get_shop_by_slug(slug: str) -> Catalog:
    """The shop with this slug, or 404."""
    with system("an address is read before its business is known"):
        found = Catalog.objects.select_related("business", "number").filter(slug=slug).first()
    if found is None:
        raise Http404
    return found


def storefront_view(view: StorefrontView) -> Callable[..., HttpResponseBase]:
    """Pass the shop of the URL to the view, in its business's scope and the reader's language.

    The language comes from Accept-Language alone: a cookie would make the response private.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponseBase:
        catalog = get_shop_by_slug(slug)
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


def cacheable(view: StorefrontView) -> StorefrontView:
    """Allow shared caches to keep the response for a minute, and to revalidate it by its ETag."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        patch_cache_control(
            response, public=True, max_age=CACHE_SECONDS, stale_while_revalidate=600
        )
        return response

    return conditional_page(wrapped)


@require_GET
@cacheable
@storefront_view
def home(request: HttpRequest, catalog: Catalog, collection: str = "") -> HttpResponse:
    """Products by title: all, one collection, or search results."""
    chosen = (
        Collection.objects.filter(catalog=catalog, slug=collection).first() if collection else None
    )
    if collection and chosen is None:
        raise Http404
    words = request.GET.get("q", "").strip()[:100]
    # A search finds variants; a list shows one variant per product.
    rows = catalog.products.shown().search(words) if words else one_per_group(catalog)
    if chosen is not None:
        rows = rows.filter(collections=chosen)
    shown, after = _page(rows, request.GET.get("after", ""), catalog)
    context = {
        "catalog": catalog,
        "collection": chosen,
        "collections": _collections(catalog),
        "rows": shown,
        "after": after,
        "words": words,
    }
    return render(request, "shops/storefront/home.html", context)


def _collections(catalog: Catalog) -> list[Collection]:
    """Collections that contain products."""
    holds = CollectionProduct.objects.filter(collection=OuterRef("pk"))
    return list(catalog.collections.filter(Exists(holds)))


def _page(rows: Any, after: str, catalog: Catalog) -> tuple[list[Product], str]:
    rows = with_first_picture(rows.order_by(*ORDERING))
    if after:
        try:
            rows = after_row(rows, ORDERING, read_cursor(after[:600], rows, ORDERING))
        except ValueError:
            raise Http404 from None
    found = list(rows[: PAGE_SIZE + 1])
    for product in found:
        product.business = catalog.business
    return found[:PAGE_SIZE], cursor_of(found[PAGE_SIZE - 1], ORDERING) if len(
        found
    ) > PAGE_SIZE else ""


@require_GET
@cacheable
@storefront_view
def product(request: HttpRequest, catalog: Catalog, product_id: int) -> HttpResponse:
    """One product with pictures and variants."""
    found = catalog.products.shown().filter(pk=product_id).first() if product_id < 2**63 else None
    if found is None:
        raise Http404
    found.business = catalog.business
    siblings = catalog.products.shown().filter(item_group=found.item_group)
    context = {
        "catalog": catalog,
        "collections": _collections(catalog),
        "product": found,
        "pictures": Picture.objects.filter(product=found, media__isnull=False).select_related(
            "media"
        ),
        "variants": list(siblings[:100]) if found.item_group else [],
        "base": settings.BASE_URL,
    }
    return render(request, "shops/storefront/product.html", context)


@require_GET
@storefront_view
def cart(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """The cart and the ways to continue it in the chat."""
    held = _cookie_cart(request, catalog)
    response = _cart_page(request, catalog, held)
    response["Cache-Control"] = "private, no-store"
    return response


def _cart_page(
    request: HttpRequest, catalog: Catalog, held: Cart | None, error: str = ""
) -> HttpResponse:
    lines = carts.cart_items(held, catalog)
    context = {
        "catalog": catalog,
        "collections": _collections(catalog),
        "lines": lines,
        "total": carts.items_total(lines),
        "cart": held,
        "error": error,
    }
    response = render(request, "shops/storefront/cart.html", context, status=422 if error else 200)
    return _set_cart_cookies(response, catalog, held, len(lines))


@csrf_exempt
@require_POST
@storefront_view
def change_cart(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Add to the cart (`do=add`), or set a quantity (0 removes the product); then show the cart."""
    if not _is_same_origin(request):
        return HttpResponse(status=403)
    held, given = _cookie_cart(request, catalog), request.POST
    try:
        held = carts.set_quantity(
            catalog,
            held,
            product_id=_parse_integer(given.get("product")),
            quantity=_parse_integer(given.get("quantity", "1")),
            add=given.get("do") == "add",
        )
    except BadInput as refused:
        return _cart_page(request, catalog, held, refused.message)
    response = redirect("shop_cart", catalog.slug)
    return _set_cart_cookies(response, catalog, held, held.lines.count())


def _is_same_origin(request: HttpRequest) -> bool:
    """Whether the form was sent from our own page.

    A cacheable page cannot hold a CSRF token of a session.
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or origin == f"{request.scheme}://{request.get_host()}"


def _parse_integer(text: Any) -> int:
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19):
        return -1
    return int(text)


def _cookie_cart(request: HttpRequest, catalog: Catalog) -> Cart | None:
    return carts.open_cart(catalog, request.COOKIES.get("cart", ""))


def _set_cart_cookies(
    response: HttpResponse, catalog: Catalog, held: Cart | None, count: int
) -> HttpResponse:
    """Store the cart's code in a cookie for this shop, and the number of items in one that scripts
    may read.
    """
    path = reverse("shop_front", args=[catalog.slug])
    if held is None:
        response.delete_cookie("cart", path=path)
        response.delete_cookie("cart_count", path=path)
    else:
        secure = bool(settings.SESSION_COOKIE_SECURE)
        response.set_cookie(
            "cart",
            held.code,
            CART_COOKIE_SECONDS,
            path=path,
            httponly=True,
            samesite="Lax",
            secure=secure,
        )
        response.set_cookie(
            "cart_count", str(count), CART_COOKIE_SECONDS, path=path, samesite="Lax", secure=secure
        )
    return response


@require_GET
@storefront_view
def chat(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Redirect to the chat with a first message that names the cart."""
    held = carts.open_cart(catalog, request.GET.get("cart", ""))
    is_sandbox = catalog.number.transport == Transport.SANDBOX
    try:
        wants = is_sandbox and not request.user.is_authenticated
        guest = _guest(request, catalog) if wants else None
    except guests.TooManyGuests as error:
        return refusal(request, error)
    response = redirect(carts.chat_url(catalog, held, guest))
    if guest:
        response.set_signed_cookie(
            guests.COOKIE,
            guests.cookie_of(guest),
            max_age=guests.SECONDS,
            httponly=True,
            samesite="Lax",
            secure=bool(settings.SESSION_COOKIE_SECURE),
        )
    response["Cache-Control"] = "private, no-store"
    return response


def _guest(request: HttpRequest, catalog: Catalog) -> SimulatedPhone:
    """The phone of a visitor without a login: that of their signed cookie, else a new one."""
    business_id, phone_id = guests.read_cookie(request)
    known = SimulatedPhone.objects.filter(pk=phone_id, wa_id__startswith=guests.PREFIX)
    own = known.first() if business_id == catalog.business_id else None
    return own or guests.invite(catalog.business_id)


@require_GET
@storefront_view
def qr(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """QR code of the chat link, with the cart that the query names."""
    held = carts.open_cart(catalog, request.GET.get("cart", ""))
    return HttpResponse(
        carts.qr_svg(carts.cart_link(catalog, held)),
        content_type="image/svg+xml",
        headers={"Cache-Control": "private, max-age=300"},
    )


@require_GET
def picture(request: HttpRequest, slug: str, media_id: str, edge: int) -> HttpResponseBase:
    """One size of a product's picture."""
    catalog = get_shop_by_slug(slug)
    with scope(catalog.business_id):
        shown = Picture.objects.filter(
            product__catalog=catalog, media__media_id=media_id[: widths.OBJECT_ID]
        )
        held = shown.select_related("media").first()
    if held is None or held.media is None or edge not in pictures.EDGES:
        raise Http404
    try:
        file = default_storage.open(pictures.size_path(held.media, edge), "rb")
    except OSError:
        raise Http404 from None
    return FileResponse(file, content_type="image/webp", headers={"Cache-Control": IMMUTABLE})
