"""Pages for importing and exporting products as a feed."""

import uuid
from tempfile import SpooledTemporaryFile
from typing import Any

from django import forms
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from core.errors import ParleyError
from core.wake import notify
from shops import tasks, texts
from shops.catalog import feed_columns, pictures
from shops.catalog import imports as catalog_imports
from shops.models import Catalog, CatalogImport
from shops.views.products import SELLERS, shop_required

MAX_IMPORTS_SHOWN = 50
MAX_PROBLEMS_SHOWN = 200


class FeedForm(forms.Form):
    """Upload of a product feed."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV or TSV in the columns of Meta's catalogue: id, title, price and more; "
            "100,000 products at most."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )


@member_page(*SELLERS)
@shop_required
def imports(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """List of imports; POST uploads a feed."""
    form = FeedForm(request.POST, request.FILES) if request.method == "POST" else FeedForm()
    if form.is_bound and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            job = catalog_imports.create_import(
                catalog=catalog, author=request.user, file=file.file, filename=file.name or ""
            )
            notify(tasks.feed)
            return redirect("shop_import", job.public_id)
        except ParleyError as refused:
            form.add_error("file", refused.message)
    jobs = CatalogImport.objects.filter(catalog=catalog).order_by("-id")[:MAX_IMPORTS_SHOWN]
    context = {
        "catalog": catalog,
        "jobs": jobs,
        "form": form,
        "columns": feed_columns.COLUMNS,
        "needed": feed_columns.REQUIRED,
    }
    context["unfetched"] = pictures.dead_pictures(catalog).count()
    return render(
        request, "shops/catalog/imports.html", context, status=422 if form.errors else 200
    )


@member_page(*SELLERS)
@shop_required
def import_detail(request: BusinessRequest, catalog: Catalog, public_id: uuid.UUID) -> HttpResponse:
    """One import with its sample, problems and progress; POST starts writing the good rows."""
    job = catalog_imports.get_import(request.business, public_id)
    if request.method == "POST":
        catalog_imports.start_import(job)
        notify(tasks.feed)
        return redirect("shop_import", job.public_id)
    context: dict[str, Any] = {
        "catalog": catalog,
        "job": job,
        "sample": [
            row | {"price": texts.format_minor(row["price_minor"], catalog.currency)}
            for row in job.sample
        ],
        "problems": job.problems.order_by("row", "id")[:MAX_PROBLEMS_SHOWN],
        "problem_count": job.problems.count(),
        "shown": MAX_PROBLEMS_SHOWN,
    }
    page = (
        "shops/catalog/_import.html"
        if request.headers.get("HX-Target") == "job"
        else "shops/catalog/import.html"
    )
    return render(request, page, context)


@require_POST
@member_page(*SELLERS)
@shop_required
def cancel_import(request: BusinessRequest, catalog: Catalog, public_id: uuid.UUID) -> HttpResponse:
    """Stop an import."""
    catalog_imports.cancel_import(catalog_imports.get_import(request.business, public_id))
    return redirect("shop_import", public_id)


@require_GET
@member_page(*SELLERS)
@shop_required
def problems(request: BusinessRequest, catalog: Catalog, public_id: uuid.UUID) -> HttpResponse:
    """All problems of a file as CSV."""
    found = catalog_imports.problems_as_csv(catalog_imports.get_import(request.business, public_id))
    headers = {"Content-Disposition": 'attachment; filename="problems.csv"'}
    return HttpResponse(found, content_type="text/csv; charset=utf-8", headers=headers)


@require_GET
@member_page(*SELLERS)
@shop_required
def export(request: BusinessRequest, catalog: Catalog) -> HttpResponseBase:
    """All products as a feed."""
    name = f"{catalog.slug}-products.csv"
    held = SpooledTemporaryFile(max_size=2**22)  # noqa: SIM115 - the response closes it
    catalog_imports.export_products(catalog, held)
    return FileResponse(
        held, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8"
    )
