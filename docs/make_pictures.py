"""`make pictures`: the pictures of the documentation, from a demo that `make run` shows."""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).with_name("pictures")
SIZE = {"width": 1440, "height": 900}
# name -> path; the inbox is shown with a thread open.
PAGES = {
    "inbox": "/inbox/",
    "usage": "/usage/",
    "invoice": "/invoices/",
    "shop-products": "/shop/products/",
    "shop-product": "/shop/products/",
    "shop-import": "/shop/imports/",
    "shop-orders": "/shop/orders/",
    "shop-order": "/shop/orders/",
    "shop-front": "/s/luma/",
    "shop-cart": "/s/luma/",
}


def _complete_demo() -> dict[str, Any]:
    path = Path(os.environ.get("PARLEY_VAR", "var")) / "demo.json"
    demo: dict[str, Any] = json.loads(path.read_text())
    while demo.get("history") == "unfinished":
        time.sleep(2)
        demo = json.loads(path.read_text())
    return demo


def main() -> None:
    """Log in as owner and take a picture of each page, or of those named in sys.argv."""
    demo = _complete_demo()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(
            viewport=SIZE, base_url=demo["base_url"], locale="en-US"
        ).new_page()
        page.goto("/account/login/")
        page.fill("input[name=login]", demo["logins"]["owner"]["email"])
        page.fill("input[name=password]", demo["logins"]["owner"]["password"])
        page.keyboard.press("Enter")
        page.wait_for_url("/")
        for name in sys.argv[1:] or PAGES:
            page.goto(PAGES[name])
            _open_first(page, name)
            page.wait_for_timeout(800)
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


def _open_first(page: Page, name: str) -> None:
    if name == "inbox":
        page.click("#rows .talk:nth-child(3)")
        page.wait_for_selector("#compose")
    elif name == "invoice":
        page.click("tbody th a")
    elif name == "shop-product":
        page.click("tbody tr:nth-child(3) th a")
    elif name == "shop-order":
        page.click(".board section:nth-child(3) .card")  # one that is packed
    elif name == "shop-cart":
        for product in (1, 6):
            page.goto("/s/luma/")
            page.click(f".ware:nth-child({product}) a")
            page.click(".buy button")


if __name__ == "__main__":
    main()
