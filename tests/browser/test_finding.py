"""Search by keyboard: from `/` to a hit in a long thread, which is visible and marked."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.hosting.search.test_engine import START, say

MARKED = "[...CSS.highlights.get('hits') ?? []].map((range) => range.toString())"


def test_a_hit_is_found_by_keyboard_and_shown_in_its_thread(site: Site, page: Page) -> None:
    texts = [f"message {n:03}" for n in range(150)]
    texts[60] = "The Gruyère is in the blue box"
    messages = say(site.number, *texts)
    say(site.number, "gruyere again", to="14155550199", at=START + timedelta(days=1))
    page.goto("/inbox/")
    page.goto("/")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.type("gruyere box")
    expect(page.locator("#palette [aria-selected=true]")).to_contain_text("Search messages for")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=gruyere+box*")
    expect(page.locator(".hit")).to_have_count(1)
    assert page.locator(".hit mark").all_inner_texts() == ["Gruyère", "box"]
    page.get_by_role("heading", name="Search").click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/inbox/**#m{messages[60].pk}")
    hit = page.locator(f"#m{messages[60].pk}")
    expect(hit).to_be_in_viewport()
    assert page.evaluate(MARKED) == ["Gruyère", "box"]
    # Around it, and on in both directions.
    expect(page.locator(f"#m{messages[50].pk}")).to_be_attached()
    page.get_by_role("link", name="Newer messages").click()
    expect(page.locator(f"#m{messages[100].pk}")).to_be_attached()
    expect(hit).to_be_attached()
    page.get_by_role("link", name="To the latest").click()
    expect(page.locator(f"#m{messages[149].pk}")).to_be_in_viewport()
