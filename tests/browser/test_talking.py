"""Two windows, live: a customer on the simulated phone and the business in its inbox."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, Site
from tests.factories import make_template


def test_business_and_customer_talk_live_both_ways(site: Site, page: Page) -> None:
    page.goto("/inbox/")
    expect(page.get_by_text("No conversations yet")).to_be_visible()
    phone = site.window().new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")

    phone.get_by_role("textbox", name="Message", exact=True).fill("Do you have *rye* today?")
    phone.keyboard.press("Enter")
    row = page.locator(".talk", has_text="Zoe Field")
    expect(row.locator(".count")).to_have_text(re.compile("1"))
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    row.click()
    expect(page.locator("#latest strong")).to_have_text("rye")
    expect(row.locator(".count")).to_have_count(0)
    beside = page.locator(".context").bounding_box()
    assert beside is not None
    assert beside["y"] == 0, "the customer's panel stands beside the thread, not under it"

    page.get_by_label("Reply", exact=True).fill("Fresh at ten!")
    page.keyboard.press("Control+Enter")
    expect(phone.locator("#latest")).to_contain_text("Fresh at ten!")
    expect(page.locator(".entry.out .ticks.read")).to_be_visible()
    expect(page.locator(".entry.out .price").first).to_have_text(re.compile(r"^\$0\.\d+|^free"))
    expect(page.get_by_label("Reply", exact=True)).to_have_value("")

    phone.get_by_role("textbox", name="Message", exact=True).fill("Two, please")
    phone.keyboard.press("Enter")
    expect(page.locator("#latest")).to_contain_text("Two, please")
    page.locator(".entry.out .price").first.click()
    expect(page.get_by_role("heading", name="Why this price")).to_be_visible()


def test_without_the_stream_the_inbox_asks_for_itself(site: Site) -> None:
    page = site.window().new_page()
    refused: list[str] = []
    page.route("**/live/events*", lambda route: (refused.append(route.request.url), route.abort()))
    page.goto("/inbox/")
    expect(page.get_by_text("No conversations yet")).to_be_visible()
    phone = site.window().new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    phone.get_by_role("textbox", name="Message", exact=True).fill("Is anybody there?")
    phone.keyboard.press("Enter")
    expect(page.locator(".talk", has_text="Is anybody there?")).to_be_visible()
    assert refused


def test_from_login_to_reply_by_keyboard_alone(site: Site) -> None:
    phone = site.window().new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    phone.get_by_role("textbox", name="Message", exact=True).fill("Anybody there?")
    phone.keyboard.press("Enter")
    page = site.stranger().new_page()
    page.goto("/inbox/")
    keys = page.keyboard
    page.get_by_label("Email").focus()
    keys.type(site.owner.email)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(page.locator(".talk", has_text="Zoe Field")).to_be_visible()
    keys.press("j")
    keys.press("Enter")
    expect(page.locator("#latest")).to_contain_text("Anybody there?")
    keys.press("r")
    keys.type("Yes, here we are")
    keys.press("Control+Enter")
    expect(page.locator(".entry.out")).to_contain_text("Yes, here we are")
    keys.press("Escape")
    keys.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    keys.press("Escape")
    keys.press("Control+k")
    keys.type("invoi")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Invoices", exact=True)).to_be_visible()
    keys.press("g")
    keys.press("i")
    expect(page).to_have_url(re.compile("/inbox/$"))


def test_a_closed_window_offers_templates_with_a_preview(site: Site, page: Page) -> None:
    make_template(site.number)
    phone = site.window().new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    phone.get_by_role("textbox", name="Message", exact=True).fill("Hello")
    phone.keyboard.press("Enter")
    page.goto("/inbox/")
    page.locator(".talk", has_text="Zoe Field").click()
    page.get_by_role("link", name="Choose a template").click()
    page.get_by_role("link", name=re.compile("order_update")).click()
    page.get_by_label("Variable 1").fill("L-42")
    expect(page.locator(".picker .preview")).to_have_text("Order L-42 is ready")
    page.get_by_role("button", name="Send template").click()
    expect(page.locator(".entry.out")).to_contain_text("Order L-42 is ready")
    expect(phone.locator("#latest")).to_contain_text("Order L-42 is ready")


def test_a_draft_survives_leaving_and_coming_back(site: Site, page: Page) -> None:
    phone = site.window().new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    phone.get_by_role("textbox", name="Message", exact=True).fill("Hello")
    phone.keyboard.press("Enter")
    page.goto("/inbox/")
    page.locator(".talk", has_text="Zoe Field").click()
    page.get_by_label("Reply", exact=True).fill("Half a thou")
    page.goto("/usage/")
    page.goto("/inbox/")
    page.locator(".talk", has_text="Zoe Field").click()
    expect(page.get_by_label("Reply", exact=True)).to_have_value("Half a thou")


def test_reading_and_replying_work_without_javascript(site: Site) -> None:
    phone = site.window(java_script_enabled=False).new_page()
    phone.goto(f"/phone/{site.simulated_phone.pk}/{site.number.phone_number_id}/")
    phone.get_by_role("textbox", name="Message", exact=True).fill("Plain hello")
    phone.keyboard.press("Enter")
    page = site.window(java_script_enabled=False).new_page()
    for _ in range(50):
        page.goto("/inbox/")
        if page.locator(".talk").count():
            break
        page.wait_for_timeout(100)
    page.locator(".talk", has_text="Zoe Field").click()
    expect(page.locator("#latest")).to_contain_text("Plain hello")
    page.get_by_label("Reply", exact=True).fill("Plain answer")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".entry.out")).to_contain_text("Plain answer")
