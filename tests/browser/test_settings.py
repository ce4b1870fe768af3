"""Settings are found: one entry of the rail, its sections, and every page by the command menu."""

from playwright.sync_api import expect

from core.tenancy import system
from hosting.models import Contact
from tests.browser.conftest import Site

# What people type -> the page that it opens.
ASKED = {
    "team": "/team/",
    "invite": "/team/",
    "settings": "/settings/",
    "api key": "/keys/",
    "template": "/settings/templates/",
    "webhook": "/settings/webhooks/",
    "retention": "/retention/",
    "gdpr": "/retention/",
    "vat": "/invoices/details/",
    "upgrade": "/settings/plan/",
    "time zone": "/settings/business/",
    "whatsapp": "/settings/networks/",
    "label": "/settings/inbox/",
    "audit": "/settings/audit/",
    "password": "/you/",
    "campaign": "/broadcasts/",
    "refund": "/shop/orders/",
    "test phone": "/phone/",
}


def test_the_command_menu_finds_pages_settings_and_customers(site: Site) -> None:
    with system("test"):
        Contact.objects.create(business=site.business, wa_id="4917012345678", name="Ida Blum")
    page = site.window(viewport={"width": 1366, "height": 680}).new_page()
    page.goto("/")
    rail = page.locator("nav.rail")
    entries = [*rail.locator("ul .tab").all(), *rail.locator(".foot .tab:not(.person)").all()]
    assert len(entries) <= 8
    for entry in [*entries, rail.locator(".person")]:
        box = entry.bounding_box()
        assert box
        assert box["y"] + box["height"] <= 680
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search")
    first = page.locator("#palette li:not([hidden]) a").first
    for words, path in ASKED.items():
        field.fill(words)
        assert first.get_attribute("href") == path, words
    field.fill("ida bl")
    found = page.locator("#palette li:not([hidden])", has_text="Ida Blum")
    expect(found).to_be_visible()
    expect(found).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ida Blum").first).to_be_visible()
    page.get_by_role("link", name="Settings", exact=True).click()
    sections = page.get_by_role("navigation", name="Settings").get_by_role("heading")
    assert sections.all_inner_texts() == [
        "Workspace",
        "Channels and numbers",
        "Team",
        "Plan and billing",
        "Inbox",
        "Shop",
        "Developers",
        "Data and privacy",
        "Audit",
    ]
    page.get_by_role("navigation", name="Settings").get_by_role("link", name="API keys").click()
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    assert page.locator("[name=scopes]:checked").count() == 0
