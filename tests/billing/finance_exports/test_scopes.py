"""Exports for finance are reached by keys of scope `exports`, and by their own business only."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Business, KeyScope
from billing import finance_exports
from billing.models import Export
from core.tenancy import system
from tests.factories import make_business, make_key

pytestmark = pytest.mark.django_db


def client_of(business: Business, *scopes: str) -> Client:
    key = make_key(business, scopes=list(scopes))
    return Client(headers={"Authorization": f"Bearer {key}"})


def asked(client: Client, export: Export) -> list[int]:
    """Answers of every endpoint: list, make, read, cancel, resume, file."""
    wanted: Any = {"kind": "journal", "first": "2026-05", "last": "2026-05"}
    one = [export.pk]
    return [
        client.get(reverse("api_finance_exports")).status_code,
        client.post(
            reverse("api_finance_exports"), wanted, content_type="application/json"
        ).status_code,
        client.get(reverse("api_finance_export", args=one)).status_code,
        client.post(reverse("api_finance_export_cancel", args=one)).status_code,
        client.post(reverse("api_finance_export_resume", args=one)).status_code,
        client.get(reverse("api_finance_export_file", args=one)).status_code,
    ]


def test_only_exports_opens_exports() -> None:
    mine, other = make_business("Mine"), make_business("Other")
    export = finance_exports.request_export(kind="journal", business=mine)
    others = [scope for scope in KeyScope.values if scope != KeyScope.EXPORTS]
    assert asked(client_of(mine, *others), export) == [403] * 6
    with system("test"):
        assert [one.state for one in Export.objects.all()] == ["waiting"]
    assert asked(client_of(other, "exports"), export) == [200, 201, 404, 404, 404, 404]
    assert asked(client_of(mine, "exports"), export) == [200, 201, 200, 200, 200, 404]
