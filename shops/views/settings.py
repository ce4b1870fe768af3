"""Shop settings: page, number, payment methods, delivery methods, collections."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import ADMINS, AGENTS
from core.errors import BadInput
from hosting.models import Number
from shops.catalog import products
from shops.forms import CURRENCIES, DeliveryForm, ShopForm
from shops.models import Catalog, DeliveryMethod
from shops.views.products import shop_required


@member_page(*ADMINS)
def settings(request: BusinessRequest) -> HttpResponse:
    """The shop's settings, or a form for the first shop; POST saves it."""
    catalog = products.get_shop(request.business)
    form = ShopForm(
        request.business, request.POST or None, instance=catalog or _default_shop(request)
    )
    if request.method == "POST" and form.is_valid():
        try:
            products.save_shop(form.instance)
            messages.success(request, _("Saved."))
            return redirect("shop_settings")
        except BadInput as refused:
            form.add_error(refused.field, refused.message)
    context = {
        "catalog": catalog,
        "form": form,
        "currencies": CURRENCIES,
        "has_number": Number.objects.filter(business=request.business).exists(),
    } | _delivery_and_collections(catalog)
    return render(
        request, "shops/settings.html", context, status=422 if request.method == "POST" else 200
    )


def _default_shop(request: BusinessRequest) -> Catalog:
    business = request.business
    number = Number.objects.filter(business=business).order_by("id").first()
    return Catalog(
        business=business,
        name=business.name[:120],
        slug=slugify(business.name)[:60],
        currency=business.currency,
        number=number,
    )


def _delivery_and_collections(catalog: Catalog | None) -> dict[str, Any]:
    if catalog is None:
        return {}
    return {
        "methods": catalog.delivery_methods.all(),
        "delivery_form": DeliveryForm(catalog),
        "collections": catalog.collections.all(),
    }


@require_POST
@member_page(*ADMINS)
@shop_required
def add_delivery(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """Add a delivery method."""
    form = DeliveryForm(catalog, request.POST)
    if form.is_valid():
        form.instance.position = catalog.delivery_methods.count()
        form.save()
    else:
        messages.error(
            request, " ".join(str(error) for errors in form.errors.values() for error in errors)
        )
    return redirect("shop_settings")


@require_POST
@member_page(*ADMINS)
@shop_required
def remove_delivery(request: BusinessRequest, catalog: Catalog, method_id: int) -> HttpResponse:
    """Remove a delivery method; orders keep their copies of its data."""
    if (
        method_id >= 2**63
        or not DeliveryMethod.objects.filter(catalog=catalog, pk=method_id).delete()[0]
    ):
        raise Http404
    return redirect("shop_settings")


@require_POST
@member_page(*AGENTS)
@shop_required
def add_collection(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """Add a collection."""
    try:
        products.add_collection(catalog, request.POST.get("name", ""))
    except BadInput as refused:
        messages.error(request, refused.message)
    return redirect("shop_settings" if request.membership.role in ADMINS else "shop_products")


@require_POST
@member_page(*ADMINS)
@shop_required
def remove_collection(
    request: BusinessRequest, catalog: Catalog, collection_id: int
) -> HttpResponse:
    """Remove a collection; its products stay."""
    if collection_id >= 2**63 or not catalog.collections.filter(pk=collection_id).delete()[0]:
        raise Http404
    return redirect("shop_settings")
