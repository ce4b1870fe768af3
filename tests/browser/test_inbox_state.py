"""The inbox shows its state at once in every open window, and what was done can be undone."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_teamwork import open_thread


def test_counts_rows_and_lines_follow_in_every_window_and_undo_brings_back(
    site: Site, page: Page
) -> None:
    open_thread(site, page, "Is the rye bread back?")
    other = site.window(viewport={"width": 1366, "height": 768}).new_page()
    other.goto(page.url)
    other.evaluate("document.cookie = 'enter_sends=1;path=/'")
    counts = {
        name: [one.locator(f"[data-view={name}] .tnum") for one in (page, other)]
        for name in ("open", "unassigned", "resolved", "snoozed")
    }
    page.get_by_label("Assignee").select_option(label=str(site.owner))
    for count in counts["unassigned"]:
        expect(count).to_have_text("0")
    page.get_by_role("button", name="Resolve").click()
    for count in counts["resolved"]:
        expect(count).to_have_text("1")
    for one in (page, other):
        expect(one.locator("#rows .talk")).to_have_count(0)
        expect(one.locator("#latest")).to_contain_text("resolved this")
    toast = page.locator("#toasts .notice", has_text="Resolved.")
    toast.get_by_role("button", name="Undo").click()
    for count in counts["open"]:
        expect(count).to_have_text("1")
    expect(page.get_by_role("button", name="Resolve")).to_be_visible()
    expect(other.locator("#latest")).to_contain_text("reopened this")
    # A draft is marked in the list, and Enter sends where the person wants it so.
    other.reload()
    box = other.get_by_label("Reply", exact=True)
    width = box.bounding_box()
    assert width
    assert width["width"] > 450
    box.fill("It is!")
    expect(other.locator("#rows .draft-mark")).to_be_visible()
    box.press("Enter")
    expect(page.locator("#latest .entry.out")).to_contain_text("It is!")
    expect(other.locator("#rows .draft-mark")).to_be_hidden()
