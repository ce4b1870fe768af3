"""Finance exports in the admin: over several businesses, audited, with messages for wrong input."""

import csv
import io
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from billing import finance_exports
from billing.invoices import close
from billing.models import Export
from core.tenancy import logins, system
from tests.billing.invoices.test_close import MAY, shop
from tests.factories import make_deliveries

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


@pytest.fixture
def billed(settings: Any, tmp_path: Any) -> list[Any]:
    settings.MEDIA_ROOT = tmp_path
    made = []
    for _ in range(3):
        business, number = shop()
        make_deliveries(business, number, 3)
        made.append(close.close_period(business=business, month=MAY))
    return made


def order(operator: Client, **data: str) -> Any:
    return operator.post(reverse("admin:billing_export_order"), {"kind": "journal"} | data)


def documents(operator: Client, export: Export) -> set[str]:
    response = operator.get(reverse("admin:billing_export_download", args=[export.pk]))
    text = response.getvalue().decode()
    return {row["document"] for row in csv.DictReader(io.StringIO(text))}


def test_two_of_three_businesses_are_exported_and_taken(
    operator: Client, billed: list[Any]
) -> None:
    wanted = f"{billed[0].business_id}, {billed[2].business_id}"
    assert (
        order(
            operator, businesses=wanted, first="2026-06", last="2026-06", status="open"
        ).status_code
        == 400
    )
    assert order(operator, businesses=wanted, first="2026-06", last="2026-06").status_code == 302
    with system("test"):
        export = Export.objects.get()
    assert (export.business_id, export.state) == (None, "waiting")
    assert finance_exports.run_due() == 1
    assert documents(operator, export) == {billed[0].number, billed[2].number}
    with system("test"):
        actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["export.asked", "export.downloaded"]
    assert wanted.replace(" ", "") in operator.get(
        reverse("admin:billing_export_changelist")
    ).content.decode().replace(" ", "")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"businesses": "1,x"}, "Businesses are ids, not x."),
        ({"businesses": "999999999"}, "There is no business 999999999."),
        ({"first": "may"}, "from must be a month as YYYY-MM."),
        ({"kind": "pdf"}, "pdf"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    operator: Client, data: dict[str, str], said: str
) -> None:
    response = order(operator, **data)
    assert said in response.content.decode()
    with system("test"):
        assert not Export.objects.exists()
        assert not AuditEntry.objects.exists()


def test_cancelled_and_made_again(operator: Client, billed: list[Any]) -> None:
    order(operator)
    with system("test"):
        export = Export.objects.get()
    assert (
        operator.get(reverse("admin:billing_export_download", args=[export.pk])).status_code == 302
    )
    # Looking at the question changes nothing.
    operator.get(reverse("admin:billing_export_cancel", args=[export.pk]))
    with system("test"):
        assert Export.objects.get().state == "waiting"
    operator.post(reverse("admin:billing_export_cancel", args=[export.pk]))
    assert finance_exports.run_due() == 0
    operator.post(reverse("admin:billing_export_make_again", args=[export.pk]))
    assert finance_exports.run_due() == 1
    assert documents(operator, export) == {invoice.number for invoice in billed}


def test_the_list_names_the_business_of_an_export(operator: Client, billed: list[Any]) -> None:
    finance_exports.request_export(kind="journal", business=billed[0].business)
    finance_exports.request_export(kind="journal")
    shown = operator.get(reverse("admin:billing_export_changelist")).content.decode()
    cells = re.findall(r'<td class="[^"]*field-whose[^"]*"[^>]*>(.*?)</td>', shown, re.DOTALL)
    assert [re.sub(r"<[^>]*>", "", cell).strip() for cell in cells] == [
        "all",
        str(billed[0].business),
    ]


def test_who_may_not_see_invoices_exports_none(client: Client, billed: list[Any]) -> None:
    with logins("test"):
        clerk = User.objects.create(email="clerk@example.com", is_staff=True)
        clerk.user_permissions.add(Permission.objects.get(codename="view_export"))
    client.force_login(clerk)
    assert order(client).status_code == 403
    with system("test"):
        assert not Export.objects.exists()
