"""Who asks and by what scheme is said by trusted proxies only; nothing private is kept."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import AuditEntry
from core.middleware import EdgeMiddleware
from core.tenancy import system
from tests.factories import make_business, make_key, make_member, make_number

PROXIES = ["10.0.0.0/8", "2001:db8::1"]


def seen(settings: Any, peer: str, **headers: str) -> tuple[str, bool]:
    """Address and scheme of a request, as views see them behind these proxies."""
    settings.TRUSTED_PROXIES = PROXIES
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    found: list[tuple[str, bool]] = []

    def view(request: HttpRequest) -> HttpResponse:
        assert "HTTP_X_FORWARDED_FOR" not in request.META
        found.append((request.META["REMOTE_ADDR"], request.is_secure()))
        return HttpResponse()

    EdgeMiddleware(view)(RequestFactory().get("/", REMOTE_ADDR=peer, **headers))
    return found[0]


@pytest.mark.parametrize(
    ("peer", "passed_on", "address"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        # What the client itself wrote in front is not believed.
        ("10.0.0.1", "127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "127.0.0.1, 203.0.113.7, 10.2.0.1", "203.0.113.7"),
        ("10.0.0.1", "nonsense", "nonsense"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("2001:db8::1", "203.0.113.7", "203.0.113.7"),
        ("198.51.100.9", "203.0.113.7", "198.51.100.9"),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_proxy_of_ours(
    settings: Any, peer: str, passed_on: str, address: str
) -> None:
    given = seen(settings, peer, HTTP_X_FORWARDED_FOR=passed_on, HTTP_X_FORWARDED_PROTO="https")
    assert given == (address, peer != "198.51.100.9")


@pytest.mark.django_db
def test_without_proxies_nobody_writes_another_address_into_the_audit_log() -> None:
    business = make_business()
    owner = Client()
    backend = "django.contrib.auth.backends.ModelBackend"
    owner.force_login(make_member(business), backend=backend)
    spoofed: Any = {"HTTP_X_FORWARDED_FOR": "192.0.2.1", "REMOTE_ADDR": "198.51.100.9"}
    made = owner.post(reverse("keys"), {"name": "k", "scopes": ["read"]}, **spoofed)
    assert made.status_code == 200
    with system("test"):
        assert AuditEntry.objects.get(action="key.created").ip == "198.51.100.9"


@pytest.mark.django_db
def test_private_pages_and_answers_are_kept_by_nobody() -> None:
    business = make_business()
    number = make_number(business)
    client = Client()
    backend = "django.contrib.auth.backends.ModelBackend"
    client.force_login(make_member(business), backend=backend)
    keyed = Client(headers={"Authorization": f"Bearer {make_key(business)}"})
    answers = [
        *(client.get(reverse(name)) for name in ("home", "inbox", "contacts", "audit", "profile")),
        client.get("/account/login/"),
        client.get("/no/such/page"),
        keyed.get("/api/v1/contacts/"),
        keyed.get(f"/v23.0/{number.phone_number_id}"),
        keyed.post(f"/v23.0/{number.phone_number_id}/messages", {}),
        Client().get("/api/v1/contacts/"),
        Client().get("/admin/"),
    ]
    kept = [one.headers["Cache-Control"] for one in answers]
    assert [one for one in kept if "no-store" not in one] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("base_url", "said"), [("https://chat.example", "max-age=31536000"), ("http://x.example", None)]
)
def test_https_stays_https(settings: Any, base_url: str, said: str | None) -> None:
    settings.BASE_URL = base_url
    for path in ("/account/login/", "/webhooks/", "/api/v1/contacts/"):
        assert Client().get(path).headers.get("Strict-Transport-Security") == said


@pytest.mark.django_db
def test_the_admin_has_a_policy_that_runs_no_inline_script(admin_client: Client) -> None:
    for path in ("/admin/", "/admin/login/", "/admin/accounts/business/"):
        policy = admin_client.get(path).headers["Content-Security-Policy"]
        parts = dict(one.strip().split(" ", 1) for one in policy.split(";") if one.strip())
        assert parts["script-src"] == "'self' 'unsafe-eval'"
        assert (parts["default-src"], parts["object-src"]) == ("'self'", "'none'")
        assert (parts["frame-ancestors"], parts["base-uri"]) == ("'none'", "'self'")
    policy = Client().get("/account/login/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
