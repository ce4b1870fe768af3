"""Every page, by the URL resolver: no serious accessibility problem and no overflow.

A URL is a page, and checked, unless NOT_PAGES names it; a new URL without a check fails. With
`PICTURES=1` in the environment a screenshot of each is written to pictures/.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from tests.address_rows import ROWS, ForKeys
from tests.browser.conftest import PICTURES, Site
from tests.browser.sample_data import furnish
from tests.browser.test_joining import log_in

AXE = Axe().axe_script
# Levels A and AA of WCAG 2.0 to 2.2, the size of targets with them.
CHECK = """() => axe.run({
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"],
  rules: {"target-size": {enabled: true}}})"""

# Pieces that a page fetches, files, and addresses that lead on.
NOT_PAGES = {
    "healthz",
    "readyz",
    "metrics",
    "demo_progress",
    "status",
    "api_schema",
    "api_docs",
    "api_not_found",
    "qr_image",
    "shop_qr",
    "shop_picture",
    "inbox_rows",
    "inbox_messages",
    "inbox_canned",
    "contact_data",
    "find",
    "message_media",
    "message_thumbnail",
    "broadcast_results",
    "export_download",
    "export_file",
    "shop_order_receipt",
    "shop_receipt",
    "shop_export",
    "shop_import_problems",
    "credit_note",
    "method_saved",
    "pay_pdf",
    "invoice_draft",
    "invoice_download",
    "finance_export_file",
    "shop_chat",
    # Pages of a flow that a business has made: tests/browser/test_flow.py.
    "phone_flow",
    "flow_preview",
    # Of a message that asks for money: tests/hosting/messages/test_payments.py.
    "phone_pay",
}
# Where a row of the matrix asks for what is not there, or a page has more to show with a question.
RICHER = {
    "accept_invitation": "/join/welcome/",
    "shop_pay": "/s/pay/{order_token}/",
    "usage": "/usage/?month={month}",
    "search": "/search/?q=rye",
    "phone_web": "/phone/{simulated_phone}/{number}/web/?to=/s/bakery/",
    "shop_collection": "/s/bakery/c/bread/",
}
MORE = {
    "not-found": "/phone/9999999/",
    "usage-empty": "/usage/",
    "search-empty": "/search/",
    "search-none": "/search/?q=absent&kind=text",
    "thread-resolved": "/inbox/?view=resolved",
    "template-chosen": "/inbox/{thread}/templates/",
    "failed": "/messages/{failed_message}/",
    "phone-chats": "/phone/{simulated_phone}/",
}
# allauth's pages: for a stranger, and for the owner after a login by password.
ENTRANCES = {
    "account_login": "login/",
    "account_signup": "signup/",
    "account_inactive": "inactive/",
    "account_email_verification_sent": "confirm-email/",
    "account_reset_password": "password/reset/",
    "account_reset_password_done": "password/reset/done/",
    "account_request_login_code": "login/code/",
    "account_reset_password_from_key": "password/reset/key/x-nothing/",
    "account_confirm_email": "confirm-email/gone/",
    "account_reset_password_from_key_done": "password/reset/key/done/",
}
OWN = {
    "account_logout": "logout/",
    "account_reauthenticate": "reauthenticate/",
    "account_email": "email/",
    "account_change_password": "password/change/",
    "mfa_index": "2fa/",
    "mfa_activate_totp": "2fa/totp/activate/",
    "mfa_list_webauthn": "2fa/webauthn/",
    "mfa_add_webauthn": "2fa/webauthn/add/",
    "usersessions_list": "sessions/",
}
# Only during a login or with a factor set up (see test_joining and test_passkey), files, actions.
IN_BETWEEN = {
    "account_set_password",
    "account_confirm_login_code",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn",
    "mfa_edit_webauthn",
    "mfa_login_webauthn",
}


def pages() -> dict[str, str]:
    """The address of every page by its name, with gaps for the names of rows."""
    answered = {
        name: row.path
        for name, row in ROWS.items()
        if row.get != 405 and not isinstance(row, ForKeys)
    }
    return {
        name: path for name, path in (answered | RICHER | MORE).items() if name not in NOT_PAGES
    }


def _account(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            # Without a name: what wraps a page of allauth's, which follows under its own name.
            if path.startswith("account/") and entry.name:
                yield entry.name
        else:
            yield from _account(entry, path)


def test_every_address_is_a_page_that_is_looked_at_or_named_here_as_none() -> None:
    # That every address of our own is in ROWS is tested in tests/test_matrix.py.
    assert NOT_PAGES - set(ROWS) == set(), "names of addresses that are gone"
    assert set(_account(get_resolver())) == {*ENTRANCES, *OWN, *IN_BETWEEN}


# Opens each menu in turn; returns those whose sheet reaches over the edge, with its edges.
OPEN_MENUS = """() => [...document.querySelectorAll("details.menu")].flatMap(menu => {
  if (!menu.checkVisibility()) return [];
  menu.open = true;
  const sheet = menu.querySelector(".sheet"), box = sheet?.getBoundingClientRect();
  menu.open = false;
  return !box || (box.left >= 0 && box.right <= innerWidth) ? []
    : [`${menu.className} from ${box.left} to ${box.right}`];
})"""
NARROW = (390, 844)
LOOKS = [("light", 1440, 900), pytest.param("dark", 390, 844, marks=pytest.mark.long)]
PARTS = 3


def _window(scheme: Any, width: int, height: int) -> dict[str, Any]:
    return {
        "color_scheme": scheme,
        "viewport": {"width": width, "height": height},
        "reduced_motion": "reduce",
    }


@pytest.mark.parametrize(("scheme", "width", "height"), LOOKS)
def test_every_page_of_logging_in_is_accessible_and_fits(
    site: Site, scheme: Any, width: int, height: int
) -> None:
    stranger = site.stranger(**_window(scheme, width, height)).new_page()
    problems: list[str] = []
    for name, path in ENTRANCES.items():
        problems += inspect(stranger, name, f"/account/{path}", scheme, width)
    log_in(stranger, site.owner.email)
    stranger.wait_for_url(re.compile(r"//[^/]+/$"))
    for name, path in OWN.items():
        problems += inspect(stranger, name, f"/account/{path}", scheme, width)
    assert problems == [], "\n".join(problems)


@pytest.mark.parametrize(("scheme", "width", "height"), LOOKS)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_accessible_and_fits(
    site: Site, settings: Any, tmp_path: Path, scheme: Any, width: int, height: int, part: int
) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    names = furnish(site)
    page = site.window(**_window(scheme, width, height)).new_page()
    problems: list[str] = []
    for name, path in list(pages().items())[part::PARTS]:
        problems += inspect(page, name, path.format(**names), scheme, width)
    assert problems == [], "\n".join(problems)


def inspect(page: Page, name: str, address: str, scheme: str, width: int) -> list[str]:
    """Problems of one page."""
    answer = page.goto(address)
    assert answer is not None
    if answer.status >= 400 and name not in ("not-found", "account_confirm_email"):
        return [f"{name}: answered {answer.status}"]
    if os.environ.get("PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}-{scheme}-{width}.png")
    return problems_of(page, name, width)


def problems_of(page: Page, name: str, width: int) -> list[str]:
    """Problems of the page that is open, in this window and in one as narrow as a phone."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    problems = [f"{name}: {wide} wide"] if wide > width else []
    page.evaluate(AXE)
    for violation in page.evaluate(CHECK)["violations"]:
        if violation["impact"] in ("serious", "critical"):
            where = [node["target"][0] for node in violation["nodes"][:3]]
            problems.append(f"{name}: {violation['id']} {where}")
    return problems + in_narrow(page, name)


def in_narrow(page: Page, name: str) -> list[str]:
    """What reaches over the edge of a phone's screen: the page, or the sheet of a menu."""
    usual = page.viewport_size
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    problems: list[str] = []
    try:
        # The window is narrow before the page is laid out anew.
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth", timeout=3000)
    except PlaywrightError:
        wide = page.evaluate("document.documentElement.scrollWidth")
        problems.append(f"{name}: {wide} wide in {NARROW[0]}")
    problems += [f"{name}: {found}" for found in page.evaluate(OPEN_MENUS)]
    if usual:
        page.set_viewport_size(usual)
    return problems
