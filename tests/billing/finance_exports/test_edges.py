"""Edges of finance exports: what fails, is cancelled, refused, or left empty."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from accounts.models import KeyScope
from billing import finance_exports
from billing.invoices import close
from billing.models import (
    Export,
)
from core.errors import NotYours
from core.queue.claim import claim
from core.tenancy import system
from tests.billing.documents.test_exports import made, state_of
from tests.billing.invoices.test_close import MAY, shop
from tests.billing.journal.test_exported_journal import make_free
from tests.billing.payments.test_stripe_collection import owing
from tests.factories import (
    make_business,
    make_key,
)


def test_a_workbook_without_messages_has_its_header(db: None, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, _ = shop()
    rows = list(
        load_workbook(io.BytesIO(made(business, "messages")[1])).active.iter_rows(values_only=True)
    )
    assert (len(rows), rows[0][0]) == (1, "invoice")


def test_a_workbook_leaves_cells_empty_that_have_no_value(
    db: None, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, number = shop()
    make_free(business, number)
    close.close_period(business=business, month=MAY)
    header, row = load_workbook(io.BytesIO(made(business, "messages")[1])).active.iter_rows(
        values_only=True
    )
    cells = dict(zip(header, row, strict=True))
    assert (cells["category"], cells["price"], cells["tier_first"], cells["tier_last"]) == (
        "utility",
        0,
        None,
        None,
    )


def test_an_export_that_fails_says_why_and_is_made_again(
    db: None, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.MEDIA_ROOT = tmp_path / "file"
    business, _ = owing()
    export = finance_exports.request_export(kind="journal", business=business)
    for attempt in range(1, 6):
        assert finance_exports.run_due() == 1
        with system("test"):
            Export.objects.update(not_before=timezone.now())
            export.refresh_from_db()
        assert (export.state, export.attempts) == ("failed" if attempt == 5 else "running", attempt)
    assert "file" in export.error
    assert finance_exports.run_due() == 0
    settings.MEDIA_ROOT = tmp_path / "folder"
    finance_exports.resume(export=export)
    assert (finance_exports.run_due(), state_of(export)[0]) == (1, "done")


def test_an_export_cancelled_under_the_workers_hands_leaves_no_file(
    db: None, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, _ = owing()
    export = finance_exports.request_export(kind="journal", business=business)
    (claimed,) = claim(finance_exports.QUEUE)
    finance_exports.cancel(export=export)
    with pytest.raises(finance_exports.Cancelled):
        finance_exports._store_file(export, claimed, io.BytesIO(b"journal"))
    assert finance_exports.run_due() == 0
    assert (state_of(export), default_storage.exists("exports")) == (("cancelled", ""), False)


def test_an_export_whose_worker_died_is_taken_up_until_the_fifth_time(
    db: None, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, _ = owing()
    first, second = (
        finance_exports.request_export(kind="journal", business=business) for _ in range(2)
    )
    over = {"state": "running", "leased_until": timezone.now() - timedelta(seconds=1)}
    with system("test"):
        Export.objects.filter(pk=first.pk).update(attempts=4, **over)
        Export.objects.filter(pk=second.pk).update(attempts=5, **over)
    assert finance_exports.run_due() == 2
    with system("test"):
        second.refresh_from_db()
    assert (state_of(first)[0], second.state) == ("done", "failed")
    assert second.error == "Its worker ended without a word 5 times."


def test_an_export_of_no_known_kind_or_of_others_is_refused(db: None) -> None:
    business, _ = owing()
    with pytest.raises(
        finance_exports.BadFilter, match="kind must be one of zip, journal, messages"
    ):
        finance_exports.request_export(kind="poem", business=business)
    export = finance_exports.request_export(kind="zip", business=business)
    with system("test"), pytest.raises(NotYours):
        finance_exports.get_export(make_business("Stranger"), export.pk)


def test_an_export_says_how_long_it_takes(db: None) -> None:
    business, _ = owing()
    export = Export(business=business, kind="zip", state="running", total=4)
    assert (export.percent, export.seconds_left) == (0, None)
    export.done, export.started_at = 1, timezone.now() - timedelta(seconds=20)
    assert (export.percent, export.seconds_left) == (25, 60)


def test_api_names_what_is_wrong_and_cancels_and_resumes(
    db: None, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, invoice = owing()
    key = make_key(business, scopes=[KeyScope.BILLING, KeyScope.EXPORTS])
    client = Client(headers={"Authorization": f"Bearer {key}"})
    for path, field in (
        ("?status=lost", "status"),
        (f"{invoice.number}/messages.csv?line=x", "line"),
        ("?to=x", "to"),
    ):
        answer = client.get(f"/api/v1/invoices/{path}")
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    export = finance_exports.request_export(kind="journal", business=business)
    path = f"/api/v1/invoices/exports/{export.pk}"
    assert client.post(f"{path}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"{path}/resume/").json()["state"] == "waiting"
    assert (finance_exports.run_due(), client.post(f"{path}/resume/").status_code) == (1, 409)
