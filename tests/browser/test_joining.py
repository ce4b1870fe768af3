"""Sign-up to the first message and its price, second factors, an invitation."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client
from playwright.sync_api import Locator, Page, expect

from accounts.models import Membership, User
from core.tenancy import system
from hosting.models import Number, SimulatedPhone
from tests.browser.conftest import PASSWORD, PICTURES, Site


@pytest.fixture
def mails(settings: Any, tmp_path: Path) -> None:
    """Mails are files, as `make run` has them, and /mails/ shows them."""
    settings.EMAIL_BACKEND = "core.outbox.files.EmailBackend"
    settings.EMAIL_FILE_PATH = settings.MAIL_FOLDER = str(tmp_path / "mail")


def open_mail(page: Page, words: str) -> Locator:
    """The newest mail with these words in the development mailbox, once it is sent."""
    page.goto("/mails/")
    mail = page.locator("article", has_text=words).first
    for _ in range(40):
        if mail.is_visible():
            break
        time.sleep(0.25)
        page.reload()
    return mail


def sign_up(page: Page, address: str) -> None:
    """Sign up and prove the address, by the link in the mail."""
    page.goto("/account/signup/")
    page.fill("input[name=email]", address)
    page.fill("input[name=password1]", PASSWORD)
    page.fill("input[name=password2]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^(?!.*/account/signup/)"))
    open_mail(page, address).locator("a[href*=confirm-email]").first.click()
    page.get_by_role("button", name=re.compile("Confirm")).click()
    page.wait_for_url(re.compile(r"^(?!.*/confirm-email/)"))


def log_in(page: Page, address: str) -> None:
    page.goto("/account/login/")
    page.fill("input[name=login]", address)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")


def set_up_factor(page: Page) -> list[str]:
    """Connect an authenticator app by its secret; returns the recovery codes."""
    page.goto("/account/2fa/totp/activate/")
    if "reauthenticate" in page.url:
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/totp/activate/")
    assert "/totp/activate/" in page.url, page.inner_text("body")
    secret = page.locator("#authenticator_secret").input_value()
    page.fill("input[name=code]", format_hotp_value(hotp_value(secret, int(time.time()) // 30)))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/2fa/recovery-codes/|/2fa/$"))
    page.goto("/account/2fa/recovery-codes/")
    return page.locator("#recovery_codes").input_value().split()


def test_from_sign_up_to_the_first_message_and_its_price(site: Site, mails: None) -> None:
    page = site.stranger().new_page()
    sign_up(page, "ada@example.org")
    page.goto("/")
    page.get_by_role("link", name="Create a business").click()
    page.get_by_label("Name").fill("Ada's Tea House")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ada's Tea House")).to_be_visible()
    expect(page.locator(".checklist li")).to_have_count(6)
    page.goto("/keys/")
    page.get_by_label("Name").fill("first")
    page.get_by_label("Send messages, manage templates and media").check()
    page.get_by_role("button", name="Make key").click()
    key = page.locator("#secret").inner_text()
    with system("test"):
        number = Number.objects.get(business__name="Ada's Tea House")
        simulated_phone = SimulatedPhone.objects.get(business=number.business)
    answer = page.request.post(
        f"/v23.0/{number.phone_number_id}/messages",
        headers={"Authorization": f"Bearer {key}"},
        data={
            "messaging_product": "whatsapp",
            "to": simulated_phone.wa_id,
            "type": "template",
            "template": {"name": "hello_world", "language": {"code": "en_US"}},
        },
    )
    assert answer.status == 200, answer.text()
    page.goto(f"/phone/{simulated_phone.pk}/{number.phone_number_id}/")
    expect(page.locator("#latest")).to_contain_text("Hello! This is your first message.")
    page.goto("/messages/")
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    for _ in range(40):
        if re.search(r"\$0\.\d+|free", row.inner_text()):
            break
        time.sleep(0.25)
        page.reload()
    expect(row).to_contain_text(re.compile(r"\$0\.\d+|free"))


def test_two_factors_can_be_required_and_a_recovery_code_works_once(
    site: Site, mails: None
) -> None:
    with system("test"):
        agent = User.objects.create_user("agent@example.org", PASSWORD)
        Membership.objects.create(business=site.business, user=agent, role="agent")
        EmailAddress.objects.create(user=agent, email=agent.email, primary=True, verified=True)
    owner = site.stranger().new_page()
    log_in(owner, site.owner.email)
    expect(owner.get_by_role("heading", name="Luma Bakery")).to_be_visible()
    owner.goto("/team/")
    expect(owner.get_by_role("link", name="Set it up for yourself")).to_be_visible()
    codes = set_up_factor(owner)
    assert len(codes) == 10
    owner.goto("/team/")
    owner.on("dialog", lambda question: question.accept())
    owner.get_by_role("button", name="Require it of everybody").click()
    expect(owner.get_by_role("button", name="No longer require it")).to_be_visible()

    other = site.stranger().new_page()
    log_in(other, agent.email)
    expect(other.get_by_text("Luma Bakery asks for two-factor login")).to_be_visible()
    other.goto("/inbox/")
    expect(other.get_by_text("Luma Bakery asks for two-factor login")).to_be_visible()
    other.get_by_role("link", name="Set it up").click()
    expect(other).to_have_url(re.compile("/account/2fa/$"))
    set_up_factor(other)
    other.goto("/inbox/")
    expect(other.get_by_text("No conversations yet")).to_be_visible()

    for code, works in ((codes[0], True), (codes[0], False), ("000000", False), (codes[1], True)):
        page = site.stranger().new_page()
        log_in(page, site.owner.email)
        expect(page).to_have_url(re.compile("/2fa/authenticate/"))
        page.fill("input[name=code]", code)
        page.keyboard.press("Enter")
        if works:
            expect(page.get_by_role("heading", name="Luma Bakery")).to_be_visible()
        else:
            page.wait_for_load_state("networkidle")
            expect(page).to_have_url(re.compile("/2fa/authenticate/"))


def test_an_invited_person_joins_by_the_mail_and_sees_what_the_role_may(
    site: Site, mails: None
) -> None:
    owner = site.window().new_page()
    owner.goto("/team/")
    owner.get_by_label("E-mail address").fill("bob@example.org")
    owner.locator("#role").select_option("finance")
    owner.get_by_role("button", name="Send the invitation").click()
    expect(owner.get_by_text("bob@example.org")).to_be_visible()
    page = site.stranger().new_page()
    sign_up(page, "bob@example.org")
    open_mail(page, "Join Luma Bakery").locator("a[href*='/join/']").click()
    page.locator("main form button").click()
    expect(page.get_by_role("heading", name="Luma Bakery")).to_be_visible()
    assert page.goto("/usage/").status == 200
    assert page.goto("/inbox/").status == 403
    owner.reload()
    expect(owner.locator("tr", has_text="bob@example.org").locator("select")).to_have_value(
        "finance"
    )


def test_an_operator_views_as_the_business_under_a_banner_until_it_ends(site: Site) -> None:
    with system("test"):
        operator = User.objects.create_superuser("ops@example.org", PASSWORD)
    client = Client()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    context = site.stranger(viewport={"width": 1440, "height": 900})
    context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}]
    )
    page = context.new_page()
    page.goto(f"/admin/accounts/business/{site.business.pk}/change/")
    page.get_by_role("link", name="View as its owner").first.click()
    page.fill("input[name=reason]", "ticket 7")
    page.get_by_role("button", name="View").click()
    banner = page.get_by_text("You see Luma Bakery as its owner does")
    for path in ("/", "/inbox/", "/usage/", "/settings/audit/"):
        page.goto(path)
        expect(banner).to_be_visible()
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / "viewing-light-1440.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.goto("/inbox/")
    page.screenshot(path=PICTURES / "viewing-dark-390.png")
    page.get_by_role("button", name="End", exact=True).click()
    expect(page).to_have_url(re.compile(f"/admin/accounts/business/{site.business.pk}/change/$"))
    assert page.goto("/inbox/").status == 403
