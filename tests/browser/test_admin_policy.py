"""The admin works under its content policy: nothing of its own pages is blocked."""

from django.test import Client
from playwright.sync_api import expect

from accounts.models import User
from core.tenancy import system
from tests.browser.conftest import PASSWORD, PICTURES, Site


def test_pages_of_the_admin_run_under_their_policy(site: Site) -> None:
    with system("test"):
        operator = User.objects.create_superuser("ops@example.org", PASSWORD)
    client = Client()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    context = site.stranger(viewport={"width": 1440, "height": 900})
    context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}]
    )
    page = context.new_page()
    blocked: list[str] = []
    page.on(
        "console",
        lambda line: blocked.append(line.text) if "Content Security Policy" in line.text else None,
    )
    page.on("pageerror", lambda error: blocked.append(str(error)))
    for path in (
        "/admin/",
        "/admin/accounts/business/",
        f"/admin/accounts/business/{site.business.pk}/change/",
        "/admin/billing/ratecard/add/",
        "/admin/hosting/simulatedphone/add/",
    ):
        page.goto(path)
        page.wait_for_function("() => window.Alpine && !document.querySelector('[x-cloak]')")
    assert blocked == []
    # Alpine runs: the page's theme and menu are its own.
    page.goto("/admin/accounts/business/")
    expect(page.locator("html[x-data]")).to_have_count(1)
    page.screenshot(path=PICTURES / "admin-policy-light-1440.png")
