"""On a phone: the bar at the bottom, what *More* opens, and every page of it by a tap."""

from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.sample_data import furnish
from tests.browser.test_every_page import pages

# Opens each menu in turn; returns those whose sheet reaches over the edge, with its edges.
OPEN_MENUS = """() => [...document.querySelectorAll("details.menu")].flatMap(menu => {
  if (!menu.checkVisibility()) return [];
  menu.open = true;
  const sheet = menu.querySelector(".sheet"), box = sheet?.getBoundingClientRect();
  menu.open = false;
  return !box || (box.left >= 0 && box.right <= innerWidth) ? []
    : [`${menu.className} from ${box.left} to ${box.right}`];
})"""
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


def test_every_menu_of_every_page_opens_inside_the_screen(
    site: Site, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    names = furnish(site)
    page = site.window(**PHONE).new_page()
    outside: list[str] = []
    for name, path in pages().items():
        page.goto(path.format(**names))
        outside += [f"{name}: {found}" for found in page.evaluate(OPEN_MENUS)]
    assert outside == [], "\n".join(outside)
