"""Pages of the admin: the front page, a business's page, who may see what."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.admin_site.base import EstimatedPaginator
from accounts.models import ApiKey, AuditEntry, Membership, Plan, User
from billing.metering import meter
from core.tenancy import logins, system
from tests.accounts.test_admin import _initial, operator, stage
from tests.factories import (
    make_business,
    make_deliveries,
    make_key,
    make_member,
    make_number,
)

# Fixtures.
__all__ = ["operator", "stage"]
pytestmark = pytest.mark.django_db


def test_a_business_page_says_where_it_stands(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    business = make_business(plan_id="team")
    number = make_number(business)
    make_member(business)
    make_key(business)
    make_deliveries(business, number, 3, at=timezone.now())
    meter.meter_due()
    with system("test"):
        Plan.objects.filter(pk="team").update(max_numbers=1)
    url = reverse("admin:accounts_business_change", args=[business.pk])
    with django_assert_max_num_queries(35):
        page = operator.get(url).content.decode()
    start = page.index('aria-labelledby="figures"')
    said = " ".join(
        re.sub(
            r"<[^>]+>", " ", page[page.index(">", start) + 1 : page.index("</section>", start)]
        ).split()
    )
    assert said.startswith("Status Hosted messages this month 0 of ")
    assert "Numbers 1 of 1 Seats 1 of " in said
    assert "Cost this month $49.03 $49." in said, "the fee, and three messages at $0.0088"
    assert said.endswith("expected, 3 messages")


def test_what_no_business_feels_is_not_asked(operator: Client) -> None:
    make_business(plan_id="team")
    with system("test"):
        data = _initial(Plan, "team") | {"name": "Team of ten", "is_public": "on"}
    assert (
        operator.post(reverse("admin:accounts_plan_change", args=["team"]), data).status_code == 302
    )
    wrong = operator.post(
        reverse("admin:accounts_plan_change", args=["team"]), data | {"max_numbers": -1}
    )
    assert wrong.status_code == 200
    assert wrong.context["errors"]
    with system("test"):
        assert Plan.objects.get(pk="team").name == "Team of ten"


def test_the_front_page_shows_what_needs_attention(operator: Client, stage: Any) -> None:
    page = operator.get(reverse("admin:index")).content.decode()
    for title in (
        "Webhook events not applied",
        "Messages not sent to the upstream",
        "In quarantine",
        "Oldest delivery waiting",
        "Businesses suspended",
    ):
        assert title in page


def test_autocomplete_sees_every_business(operator: Client, stage: Any) -> None:
    make_business("Florist")
    found = operator.get(
        reverse("admin:autocomplete"),
        {
            "app_label": "accounts",
            "model_name": "membership",
            "field_name": "business",
            "term": "Flor",
        },
    )
    assert [row["text"] for row in found.json()["results"]] == ["Florist"]


def test_an_operator_without_permission_sees_nothing_and_one_cannot_make_himself_superuser(
    client: Client,
) -> None:
    staff = User.objects.create_user("staff@example.com", is_staff=True)
    client.force_login(staff)
    assert client.get(reverse("admin:accounts_business_changelist")).status_code == 403
    from django.contrib.auth.models import Permission

    with logins("test"):
        staff.user_permissions.add(
            *Permission.objects.filter(codename__in=["change_user", "view_user"])
        )
    page = reverse("admin:accounts_user_change", args=[staff.pk])
    client.post(
        page,
        {
            "email": "staff@example.com",
            "is_staff": "on",
            "is_superuser": "on",
            "is_active": "on",
            "memberships-TOTAL_FORMS": 0,
            "memberships-INITIAL_FORMS": 0,
        },
    )
    with logins("test"):
        staff.refresh_from_db()
    assert not staff.is_superuser


def test_members_and_strangers_are_sent_to_the_operators_login(client: Client) -> None:
    assert client.get(reverse("admin:index")).status_code == 302
    client.force_login(make_member(make_business()))
    assert client.get(reverse("admin:index")).status_code == 302


def test_big_lists_are_estimated_not_counted(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:

    monkeypatch.setattr("accounts.admin_site.base.EXACT_UP_TO", 3)
    business = make_business()
    for _ in range(6):
        make_key(business)
    with system("test"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        rows = ApiKey.objects.order_by("-id")
        with django_assert_num_queries(2) as queries:
            assert EstimatedPaginator(rows, 2).count >= 4
        assert "LIMIT 4" in queries.captured_queries[0]["sql"]
        assert "reltuples" in queries.captured_queries[1]["sql"]
        assert EstimatedPaginator(rows.filter(name="nobody"), 2).count == 0


def test_membership_changes_on_a_business_page_are_recorded(operator: Client) -> None:
    business = make_business()
    user = make_member(make_business("Other"))
    data = {
        "name": "Bakery",
        "plan": "business",
        "country": "US",
        "timezone": "UTC",
        "currency": "USD",
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0,
        "memberships-0-user": user.pk,
        "memberships-0-role": "agent",
        "memberships-0-business": business.pk,
        "api_keys-TOTAL_FORMS": 0,
        "api_keys-INITIAL_FORMS": 0,
    }
    response = operator.post(reverse("admin:accounts_business_change", args=[business.pk]), data)
    assert response.status_code == 302, response.context["errors"]
    with system("test"):
        assert Membership.objects.get(business=business).role == "agent"
        assert "membership.added" in AuditEntry.objects.values_list("action", flat=True)
