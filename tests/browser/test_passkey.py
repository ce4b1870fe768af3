"""A passkey under the strict content policy: added, used instead of the password, refused."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, Site

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def at_a_name(site: Site) -> Page:
    """A stranger's window at localhost, with a device that holds passkeys."""
    page = site.stranger().new_page()
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return page


def test_a_passkey_is_added_and_logs_in_without_a_password(site: Site) -> None:
    named = site.url.replace("127.0.0.1", "localhost")
    page = at_a_name(site)
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.goto(f"{named}/account/login/")
    page.fill("input[name=login]", site.owner.email)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Luma Bakery")).to_be_visible()
    page.goto(f"{named}/account/2fa/webauthn/add/")
    if "reauthenticate" in page.url:
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
    page.get_by_label("Name").fill("Till")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("10 out of 10 recovery codes")).to_be_visible()

    page.context.clear_cookies()
    page.goto(f"{named}/account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Luma Bakery")).to_be_visible()
    assert complaints == []


def test_what_a_device_refuses_is_said_and_where_passkeys_work(site: Site) -> None:
    named = site.url.replace("127.0.0.1", "localhost")
    page = at_a_name(site)  # a device that holds no passkey yet
    page.goto(f"{named}/account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("#toasts")).to_contain_text("The passkey was not used")
    page.goto("/account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("#toasts")).to_contain_text(f"Open this page at {named}")
    expect(page).to_have_url(re.compile(r"127\.0\.0\.1.*/account/login/$"))
