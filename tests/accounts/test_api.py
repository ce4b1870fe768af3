"""The REST API's frame: keys, scopes, errors, keyset pages, schema and docs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView

from accounts.api import BusinessAPIMixin, BusinessAPIView
from accounts.models import ApiKey, Business, KeyScope, Membership
from core.errors import BadInput
from core.tenancy import scope, system
from tests.factories import make_business, make_key, make_member

pytestmark = pytest.mark.django_db


class MemberSerializer(serializers.ModelSerializer[Membership]):
    class Meta:
        model = Membership
        fields = ["id", "role"]


class Members(BusinessAPIMixin, ListAPIView[Membership]):
    queryset = Membership.objects.all()
    serializer_class = MemberSerializer
    ordering = ("-created_at", "-id")
    required_scope = KeyScope.READ


class Member(BusinessAPIMixin, RetrieveAPIView[Membership]):
    required_scope = KeyScope.READ
    queryset = Membership.objects.all()
    serializer_class = MemberSerializer


class Renaming(BusinessAPIView):
    required_scope = KeyScope.READ
    serializer_class = MemberSerializer

    def post(self, request: Any) -> Any:
        Business.objects.filter(pk=request.business.pk).update(name="Renamed")
        raise BadInput("No such colour.", field="colour")


@pytest.fixture
def bakery() -> Business:
    return make_business()


def _get(view: Any, key: str, query: str = "", **kwargs: Any) -> Any:
    request: HttpRequest = RequestFactory().get(
        f"/x{query}", headers={"Authorization": f"Bearer {key}"}
    )
    return view.as_view()(request, **kwargs)


def _json(response: Any) -> Any:
    import json

    return json.loads(response.content)


def test_a_live_key_is_told_whose_it_is(client: Client, bakery: Business) -> None:
    key = make_key(bakery, scopes=["read", "billing"])
    response = client.get("/api/v1/", headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200
    assert response.json() == {
        "business": "Bakery",
        "plan": "business",
        "scopes": ["billing", "read"],
        "numbers": None,
    }


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer parley_00000000_x", "Basic abc", "Bearer \x00", "Bearer ä"]
)
def test_without_a_key_the_answer_is_401_in_our_shape(client: Client, header: str) -> None:
    response = client.get("/api/v1/", headers={"Authorization": header})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="parley"'
    assert response.json()["error"]["code"] == "not_authenticated"
    assert response.json()["error"]["field"] == ""


@pytest.mark.parametrize("fate", ["revoked", "expired", "unknown"])
def test_a_dead_key_opens_nothing(client: Client, bakery: Business, fate: str) -> None:
    key = make_key(bakery)
    with system("test"):
        row = ApiKey.objects.get()
        if fate == "revoked":
            row.revoke()
        elif fate == "expired":
            ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        else:
            key = key[:-1] + ("a" if key[-1] != "a" else "b")
    response = client.get("/api/v1/", headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 401
    assert response.json()["error"]["message"] == "This API key is unknown, revoked or expired."
    with system("test"):
        assert ApiKey.objects.get().last_used_at is None


def test_a_missing_scope_is_403_and_names_it(bakery: Business) -> None:
    response = _get(Members, make_key(bakery, scopes=["billing"]))
    assert response.status_code == 403
    assert _json(response) == {
        "error": {"code": "forbidden", "message": "This key has no scope 'read'.", "field": ""}
    }


def test_a_foreign_id_is_404_and_an_own_one_is_found(bakery: Business) -> None:
    key = make_key(bakery)
    make_member(bakery)
    make_member(make_business("Other"))
    with system("test"):
        own = Membership.objects.get(business=bakery).pk
        foreign = Membership.objects.exclude(business=bakery).get().pk
    assert _get(Member, key, pk=own).status_code == 200
    response = _get(Member, key, pk=foreign)
    assert response.status_code == 404
    assert _json(response)["error"]["code"] == "not_found"


def test_pages_follow_the_key_and_cover_every_row_once(bakery: Business) -> None:
    key = make_key(bakery)
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    for n in range(7):
        make_member(bakery)
        with scope(bakery.pk):  # three share a moment: the id breaks the tie
            newest = Membership.objects.latest("id")
            Membership.objects.filter(pk=newest.pk).update(
                created_at=moment + timedelta(days=n // 3)
            )
    make_member(make_business("Other"))
    with scope(bakery.pk):
        expected = list(
            Membership.objects.order_by("-created_at", "-id").values_list("id", flat=True)
        )
    seen: list[int] = []
    after = ""
    for _ in range(4):
        page = _json(_get(Members, key, f"?limit=2&after={after}"))
        seen += [row["id"] for row in page["data"]]
        after = page["next"] or ""
    assert seen == expected
    assert after == ""


LIMITS = ["?limit=0", "?limit=101", "?limit=x", "?limit=٣"]
CURSORS = ["?after=x", "?after=bnVsbA", "?after=WzEsMl0", "?after=W251bGwsbnVsbF0"]


@pytest.mark.parametrize(
    ("query", "field"),
    [*((q, "limit") for q in LIMITS), *((q, "after") for q in CURSORS), ("?q=%00", "q")],
)
def test_bad_paging_is_400_and_names_the_field(bakery: Business, query: str, field: str) -> None:
    response = _get(Members, make_key(bakery), query)
    assert response.status_code == 400
    assert _json(response)["error"]["field"] == field


def test_a_refusal_leaves_nothing_written(bakery: Business) -> None:
    key = make_key(bakery)
    request = RequestFactory().post(
        "/x", "{}", "application/json", headers={"Authorization": f"Bearer {key}"}
    )
    response = Renaming.as_view()(request)
    assert response.status_code == 400
    assert _json(response) == {
        "error": {"code": "invalid", "message": "No such colour.", "field": "colour"}
    }
    with scope(bakery.pk):
        assert Business.objects.get().name == "Bakery"


def test_wrong_methods_bodies_and_addresses_are_answered_in_our_shape(
    client: Client, bakery: Business
) -> None:
    headers = {"Authorization": f"Bearer {make_key(bakery)}"}
    wrong = client.delete("/api/v1/", headers=headers)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    nowhere = client.post("/api/v1/nowhere/at/all", "{}", "application/json")
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")


def test_the_scope_ends_with_the_request(client: Client, bakery: Business) -> None:
    client.get("/api/v1/", headers={"Authorization": f"Bearer {make_key(bakery)}"})
    assert list(Business.objects.all()) == []


def test_schema_and_docs_need_no_third_party(client: Client) -> None:
    schema = client.get("/api/v1/schema/")
    assert schema.status_code == 200
    assert b"apiKey" in schema.content
    docs = client.get("/api/v1/docs/")
    assert docs.status_code == 200
    page = docs.content.decode()
    assert "https://" not in page
    assert "http://" not in page
    assert "<script>" not in page
    script = client.get("/api/v1/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
