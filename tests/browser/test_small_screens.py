"""On a phone: the bar at the bottom, what *More* opens, and every page of it by a tap.

Menus of every page in a window as narrow as that: tests/browser/test_every_page.py.
"""

from playwright.sync_api import expect

from tests.browser.conftest import Site

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_more_opens_a_sheet_over_the_whole_width_and_each_entry_can_be_tapped(site: Site) -> None:
    page = site.window(**PHONE).new_page()
    page.goto("/")
    more = page.locator("nav.rail details.more")
    names = [text.strip() for text in more.locator(".sheet a").all_text_contents()]
    assert len(names) >= 4
    for name in names:
        more.locator("summary").tap()
        sheet = more.locator(".sheet")
        expect(sheet).to_be_visible()
        box = sheet.bounding_box()
        assert box
        assert box["x"] <= 8, box
        assert box["x"] + box["width"] >= 382, box
        assert box["y"] >= 0, box
        entry = sheet.get_by_role("link", name=name, exact=True)
        inside = entry.bounding_box()
        assert inside
        assert inside["height"] >= 44, (name, inside)
        with page.expect_navigation():
            entry.tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
