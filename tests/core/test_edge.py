"""Nothing private is kept by browsers and proxies; https stays https; the admin has a policy."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_business, make_key, make_member, make_number


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
