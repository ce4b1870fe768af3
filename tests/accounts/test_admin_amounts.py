"""Amounts in the admin are decimals with their currency, JSON is a table, and the menu is short."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.admin_site import columns
from accounts.models import Plan, User
from core.tenancy import system

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


def test_money_is_typed_as_decimals_and_a_new_plan_is_a_draft(operator: Client) -> None:
    url = reverse("admin:accounts_plan_add")
    form = operator.get(url).context["adminform"].form
    assert form.initial["is_public"] is False
    given = {
        "code": "pro",
        "name": "Pro",
        "currency": "USD",
        "grace_days": 30,
        "requests_per_second": 80,
        "webhooks_per_second": 320,
    }
    refused = operator.post(url, given | {"monthly_fee_micros": "0.0000001"})
    assert list(refused.context["adminform"].form.errors) == ["monthly_fee_micros"]
    with system("test"):
        assert not Plan.objects.filter(pk="pro").exists()
    assert operator.post(url, given | {"monthly_fee_micros": "99"}).status_code == 302
    with system("test"):
        plan = Plan.objects.get(pk="pro")
    assert (plan.monthly_fee_micros, plan.is_public) == (99_000_000, False)
    page = operator.get(reverse("admin:accounts_plan_change", args=["pro"]))
    assert 'value="99"' in page.content.decode()
    assert "$99.00" in operator.get(reverse("admin:accounts_plan_changelist")).content.decode()


def test_the_menu_has_at_most_fifteen_entries() -> None:
    groups = settings.UNFOLD["SIDEBAR"]["navigation"]
    assert sum(len(group["items"]) for group in groups) <= 15


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": {"b": 1}}, '<table><tr><th class="pr-3 text-left align-top font-normal">a</th>'),
        ([], "–"),
        ("<b>", "<b>"),
    ],
)
def test_json_is_shown_as_a_table(value: Any, shown: str) -> None:
    assert str(columns.as_table(value)).startswith(shown)
