"""Text that PostgreSQL cannot store is refused at every surface, and names its field."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Business
from core.tenancy import system
from tests.factories import make_business, make_member

SKIPPED = ("/static", "/__")


def plain_paths(resolver: URLResolver | None = None, prefix: str = "/") -> list[str]:
    """Every address of the project that has no parameters."""
    found = []
    for item in (resolver or get_resolver()).url_patterns:
        route = prefix + str(item.pattern).lstrip("^")
        if any(mark in route for mark in "<(\\?"):
            continue
        if isinstance(item, URLResolver):
            found += plain_paths(item, route)
        elif isinstance(item, URLPattern) and not route.startswith(SKIPPED):
            found.append(route.rstrip("$"))
    return sorted(set(found))


def test_there_are_enough_addresses_to_try() -> None:
    assert len(plain_paths()) > 100


@pytest.fixture
def clients(db: None) -> list[Client]:
    """A stranger, an owner and an operator."""
    business = make_business("Bakery")
    owner, operator = Client(), Client()
    backend = "django.contrib.auth.backends.ModelBackend"
    owner.force_login(make_member(business, "owner"), backend=backend)
    user = make_member(business, "owner")
    with system("test"):
        type(user).objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    with system("test"):
        user.refresh_from_db()
    operator.force_login(user, backend=backend)
    return [Client(), owner, operator]


def answers(clients: list[Client], method: str, path: str, **kwargs: Any) -> set[int]:
    return {getattr(client, method)(path, **kwargs).status_code for client in clients}


def test_nul_in_a_query_is_refused_everywhere(clients: list[Client]) -> None:
    odd = {path: answers(clients, "get", f"{path}?q=a%00b") for path in plain_paths()}
    assert {path: codes for path, codes in odd.items() if codes != {400}} == {}
    response = clients[0].get("/api/v1/search/?cursor=%00")
    assert response.json() == {
        "error": {
            "code": "invalid",
            "message": "cursor: a NUL character or half a surrogate pair is not text.",
            "field": "cursor",
        }
    }


def test_nul_in_a_path_is_not_found(clients: list[Client]) -> None:
    odd = {path: answers(clients, "get", f"{path}a%00b") for path in plain_paths()}
    assert {path: codes for path, codes in odd.items() if codes != {404}} == {}


def test_nul_in_a_form_is_refused_and_changes_nothing(clients: list[Client]) -> None:
    with system("test"):
        before = list(Business.objects.order_by("pk").values())
    for path in plain_paths():
        if path.startswith("/api/") or path in ("/webhooks/", "/webhooks/stripe/"):
            continue
        assert answers(clients, "post", path, data={"name": "a\x00b"}) <= {400}, path
    with system("test"):
        assert list(Business.objects.order_by("pk").values()) == before
    response = clients[1].post("/account/login/", {"login": "a\x00@b.example", "password": "x"})
    assert response.content.decode().startswith("login: a NUL character")


def test_nul_in_a_cookie_is_refused() -> None:
    client = Client()
    client.cookies["sessionid"] = "a\x00b"
    assert client.get("/").status_code == 400


def test_a_lone_surrogate_is_not_text(clients: list[Client]) -> None:
    body = "name=%ED%A0%80"
    form = "application/x-www-form-urlencoded"
    # The decoder replaces the three bytes: what arrives is text.
    assert Client().post("/account/login/", body, content_type=form).status_code == 200


def test_other_text_passes(clients: list[Client]) -> None:
    assert clients[1].get("/?q=%F0%9F%8D%9E%C3%A9").status_code == 200
