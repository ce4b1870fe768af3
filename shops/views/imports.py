"""Products by file: a feed comes in after it was looked through, and goes out."""

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
from shops.catalog import feed_csv, pictures
from shops.catalog import imports as catalog_imports
from shops.models import Catalog, CatalogImport
from shops.views.products import SELLERS, in_shop

SHOWN = 50
PROBLEMS = 200


class FeedForm(forms.Form):
    """A file of products."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV or TSV in the columns of Meta's catalogue: id, title, price and more; 100,000 products at most."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )


@member_page(*SELLERS)
@in_shop
def imports(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """The imports there were; POST takes a feed in."""
    form = FeedForm(request.POST, request.FILES) if request.method == "POST" else FeedForm()
    if form.is_bound and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            job = catalog_imports.take_in(
                catalog=catalog, author=request.user, file=file.file, filename=file.name or ""
            )
            notify(tasks.feed)
            return redirect("shop_import", job.public_id)
        except ParleyError as refused:
            form.add_error("file", refused.message)
    jobs = CatalogImport.objects.filter(catalog=catalog).order_by("-id")[:SHOWN]
    context = {
        "catalog": catalog,
        "jobs": jobs,
        "form": form,
        "columns": feed_csv.COLUMNS,
        "needed": feed_csv.NEEDED,
    }
    context["unfetched"] = pictures.given_up(catalog).count()
    return render(request, "shops/imports.html", context, status=422 if form.errors else 200)


@member_page(*SELLERS)
@in_shop
def one_import(request: BusinessRequest, catalog: Catalog, public_id: uuid.UUID) -> HttpResponse:
    """What is in the file and what is wrong with it, how far it is; POST brings the good rows
    in.
    """
    job = catalog_imports.one(request.business, public_id)
    if request.method == "POST":
        catalog_imports.begin(job)
        notify(tasks.feed)
        return redirect("shop_import", job.public_id)
    context: dict[str, Any] = {
        "catalog": catalog,
        "job": job,
        "sample": [
            row | {"price": texts.shown(row["price_minor"], catalog.currency)} for row in job.sample
        ],
        "problems": job.problems.order_by("row", "id")[:PROBLEMS],
        "problem_count": job.problems.count(),
        "shown": PROBLEMS,
    }
    page = (
        "shops/_import.html" if request.headers.get("HX-Target") == "job" else "shops/import.html"
    )
    return render(request, page, context)


@require_POST
@member_page(*SELLERS)
@in_shop
def cancel_import(request: BusinessRequest, catalog: Catalog, public_id: uuid.UUID) -> HttpResponse:
    """Stop it where it is."""
    catalog_imports.cancel(catalog_imports.one(request.business, public_id))
    return redirect("shop_import", public_id)


@require_GET
@member_page(*SELLERS)
@in_shop
def problems(request: BusinessRequest, catalog: Catalog, public_id: uuid.UUID) -> HttpResponse:
    """Everything that is wrong with a file, as CSV."""
    found = catalog_imports.problems_as_csv(catalog_imports.one(request.business, public_id))
    headers = {"Content-Disposition": 'attachment; filename="problems.csv"'}
    return HttpResponse(found, content_type="text/csv; charset=utf-8", headers=headers)


@require_GET
@member_page(*SELLERS)
@in_shop
def export(request: BusinessRequest, catalog: Catalog) -> HttpResponseBase:
    """All products as a feed."""
    name = f"{catalog.slug}-products.csv"
    held = SpooledTemporaryFile(max_size=2**22)  # noqa: SIM115 - the response closes it
    catalog_imports.export(catalog, held)
    return FileResponse(
        held, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8"
    )
