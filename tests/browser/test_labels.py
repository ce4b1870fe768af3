"""Labels fit: no text of a button, tab or heading is cut, in two languages at three widths."""

import pytest

from tests.browser.conftest import Site

PAGES = ("/", "/inbox/", "/settings/", "/usage/", "/team/", "/shop/orders/")
# Labels whose text is wider than their box, and pages wider than the window.
CUT = """() => [...document.querySelectorAll(
    ".rail .tab span, .button, .badge, .segments > a, h1, h2, .settings-menu a, label, th")]
  .filter(one => one.checkVisibility() && !one.closest(".clip, .table-wrap, .sr, .segments")
    && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display != "inline")
  .map(one => `${one.className}: ${one.textContent.trim().slice(0, 40)}`)
  .concat(document.documentElement.scrollWidth > innerWidth ? ["the page"] : [])"""


@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_labels_fit_at_every_width(site: Site, language: str) -> None:
    page = site.window(locale=language).new_page()
    cut: list[str] = []
    for width in (390, 820, 1366):
        page.set_viewport_size({"width": width, "height": 800})
        for path in PAGES:
            page.goto(path)
            cut += [f"{path} at {width}: {one}" for one in page.evaluate(CUT)]
    assert cut == [], "\n".join(cut)
