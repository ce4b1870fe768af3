"""Over the plan's limit: inbound messages are locked until the owner upgrades."""

from playwright.sync_api import Page, expect

from accounts.models import Business, Plan
from core.tenancy import system
from tests.browser.conftest import Site


def test_over_the_limit_and_upgrade(site: Site, page: Page) -> None:
    with system("test"):
        Plan.objects.filter(pk="free").update(hosted_messages=2)
        Business.objects.filter(pk=site.business.pk).update(plan="free")
    phone = site.window().new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    said = ("Two rye, please", "And a seeded one", "Is my card on file?")
    for words, shown in zip(
        said, (*said[:2], "Sent. The business has reached its plan's limit."), strict=True
    ):
        phone.get_by_role("textbox", name="Message", exact=True).fill(words)
        phone.keyboard.press("Enter")
        expect(phone.locator("#latest")).to_contain_text(shown)
    page.goto("/inbox/")
    page.locator(".talk", has_text="Zoe Field").click()
    expect(page.locator("#latest")).to_contain_text("And a seeded one")
    expect(page.locator("#latest")).to_contain_text("A larger plan shows it at once")
    assert "Is my card on file?" not in page.content()
    box = page.get_by_label("Reply", exact=True)
    box.fill("Yes")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Plan limit reached")).to_be_visible()
    expect(box).to_have_value("Yes")
    page.goto("/inbox/")
    page.get_by_role("link", name="See plans").click()
    expect(page.get_by_role("progressbar", name="Hosted messages this month")).to_be_visible()
    page.once("dialog", lambda question: question.accept())
    page.get_by_role("region", name="Team").get_by_role("button", name="Upgrade for").click()
    expect(page.locator("body")).to_contain_text("You are on the Team plan now.")
    page.goto("/inbox/")
    page.locator(".talk", has_text="Zoe Field").click()
    expect(page.locator("#latest")).to_contain_text("Is my card on file?")
    page.get_by_label("Reply", exact=True).fill("Yes, it is")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#latest .entry.out")).to_contain_text("Yes, it is")
