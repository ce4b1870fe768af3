"""Finance exports in the dashboard and the API: request, progress, download of the same file."""

from typing import Any

import orjson
import pytest
from django.test import Client

from accounts.models import Business, KeyScope
from billing import finance_exports
from billing.invoices import close
from billing.models import Export
from core.tenancy import system
from tests.billing.invoices.test_close import MAY, shop
from tests.factories import make_client, make_deliveries, make_key


@pytest.fixture
def business(db: None, settings: Any, tmp_path: Any) -> Business:
    settings.MEDIA_ROOT = tmp_path
    business: Business
    business, number = shop()
    make_deliveries(business, number, 3)
    close.close_period(business=business, month=MAY)
    return business


@pytest.fixture
def finance(business: Business) -> Client:
    return make_client(business, "finance")


def test_an_empty_page_offers_the_form_and_a_year_is_chosen_by_the_link(finance: Client) -> None:
    page = finance.get("/invoices/exports/?year=2026").content.decode()
    assert "No exports yet" in page
    assert 'value="2026-01"' in page
    assert 'value="2026-12"' in page
    page = finance.get("/invoices/exports/?kind=messages&month=2026-05").content.decode()
    assert page.count('value="2026-05"') == 2
    assert '<option value="messages" selected>' in page
    for wrong in ("?year=may", "?month=2026", "?kind=x&month=<b>"):
        page = finance.get(f"/invoices/exports/{wrong}").content.decode()
        assert ('value="2026' in page, "<b>" in page) == (False, False)


def test_asked_for_watched_and_downloaded(finance: Client) -> None:
    asked = {"kind": "zip", "first": "2026-05", "last": "2026-05", "statuses": ["open"]}
    assert finance.post("/invoices/exports/", asked).status_code == 302
    page = finance.get("/invoices/exports/").content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert finance_exports.run_due() == 1
    part = finance.get(
        "/invoices/exports/", headers={"HX-Request": "true", "HX-Target": "jobs"}
    ).content.decode()
    assert part.lstrip().startswith('<section class="card flush" id="jobs"')
    assert "every 2s" not in part
    with system("test"):
        export = Export.objects.get()
    answer = finance.get(f"/invoices/exports/{export.pk}/file/")
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert (data[:2], len(data)) == (b"PK", export.size)
    assert (
        answer["Content-Disposition"] == f'attachment; filename="parley-{export.pk}-invoices.zip"'
    )


def test_cancelled_and_resumed_on_the_page(finance: Client) -> None:
    finance.post("/invoices/exports/", {"kind": "journal"})
    with system("test"):
        export = Export.objects.get()
    assert finance.post(f"/invoices/exports/{export.pk}/cancel/").status_code == 302
    assert finance_exports.run_due() == 0
    assert "Resume" in finance.get("/invoices/exports/").content.decode()
    assert finance.post(f"/invoices/exports/{export.pk}/resume/").status_code == 302
    assert finance_exports.run_due() == 1


def test_a_wrong_month_is_named_and_nothing_is_asked_for(finance: Client) -> None:
    answer = finance.post("/invoices/exports/", {"kind": "zip", "first": "May"})
    assert answer.status_code == 422
    assert "from must be a month as YYYY-MM." in answer.content.decode()
    with system("test"):
        assert not Export.objects.exists()


def test_by_the_api(business: Business) -> None:
    client = Client(
        headers={"Authorization": f"Bearer {make_key(business, scopes=[KeyScope.EXPORTS])}"}
    )
    body = orjson.dumps({"kind": "journal", "first": "2026-05"})
    asked = client.post("/api/v1/invoices/exports/", body, content_type="application/json")
    assert (asked.status_code, asked.json()["state"]) == (201, "waiting")
    path = f"/api/v1/invoices/exports/{asked.json()['id']}/"
    assert client.get(f"{path}file/").status_code == 404
    assert finance_exports.run_due() == 1
    found = client.get(path).json()
    assert (found["state"], found["done"], found["total"], found["percent"]) == ("done", 3, 3, 100)
    assert found["filters"] == {"from": "2026-05"}
    file = b"".join(client.get(f"{path}file/").streaming_content)  # type: ignore[attr-defined]
    assert file.decode().splitlines()[0].startswith("date,document,account")
    assert client.post(f"{path}cancel/").status_code == 409
    bad = client.post(
        "/api/v1/invoices/exports/",
        b'{"kind": "zip", "last": "x"}',
        content_type="application/json",
    )
    assert (bad.status_code, bad.json()["error"]["message"]) == (
        400,
        "to must be a month as YYYY-MM.",
    )
