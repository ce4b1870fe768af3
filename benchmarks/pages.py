"""Size of pages: HTML, styles and scripts, gzipped, of the demo that `make run` shows.

Start `make run`, then `python -m benchmarks pages`. `PARLEY_VAR` names another folder than `var`.
"""

import gzip
import json
import os
import re
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

from benchmarks.report import Figure, show

PAGES = {
    "home": "/",
    "inbox": "/inbox/",
    "thread": "",
    "search": "/search/?q=coffee",
    "messages": "/messages/",
    "customers": "/contacts/",
    "broadcasts": "/broadcasts/",
    "usage": "/usage/",
    "invoices": "/invoices/",
    "products": "/shop/products/",
    "orders": "/shop/orders/",
    "plan": "/settings/plan/",
    "shop's page": "/s/luma/",
}
GOAL_KB = 120.0
ROUNDS = 5
ASSET = re.compile(r'<(?:link[^>]+rel="stylesheet"[^>]+href|script[^>]+src)="([^"]+)"')


class Browser:
    """A member's session."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> tuple[str, int, float]:
        """Get a page; returns its text, gzipped size in bytes, and seconds."""
        request = urllib.request.Request(
            urllib.parse.urljoin(self.base, path), headers={"Accept-Encoding": "gzip"}
        )
        began = time.perf_counter()
        with self.opener.open(request) as answer:
            raw = answer.read()
            packed = answer.headers.get("Content-Encoding") == "gzip"
        seconds = time.perf_counter() - began
        text = gzip.decompress(raw) if packed else raw
        return (
            text.decode(errors="replace"),
            len(raw) if packed else len(gzip.compress(raw, 6)),
            seconds,
        )

    def log_in(self, email: str, password: str) -> None:
        """As the login page does it."""
        page, _, _ = self.get("/account/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        fields = {"csrfmiddlewaretoken": token[1], "login": email, "password": password}
        body = urllib.parse.urlencode(fields).encode()
        self.opener.open(
            urllib.request.Request(f"{self.base}/account/login/", body, {"Referer": self.base})
        ).read()


def _measured(browser: Browser, name: str, path: str) -> Figure:
    """Sizes of a page with what it loads, and the server's time."""
    text, html, _ = browser.get(path)
    parts = {url: browser.get(url)[1] for url in sorted(set(ASSET.findall(text)))}
    styles = sum(size for url, size in parts.items() if ".css" in url)
    scripts = sum(parts.values()) - styles
    taken = sorted(browser.get(path)[2] for _ in range(ROUNDS))[ROUNDS // 2]
    kb = [size / 1000 for size in (html, styles, scripts)]
    words = (
        f"{name}: HTML {kb[0]:.1f} + CSS {kb[1]:.1f} + JS {kb[2]:.1f}; server {taken * 1000:.0f} ms"
    )
    goal = GOAL_KB if name in ("inbox", "thread") else None
    return Figure("pages", words, sum(kb), goal, "kB")


def main() -> None:
    """Weigh every page, and print."""
    demo = json.loads((Path(os.environ.get("PARLEY_VAR", "var")) / "demo.json").read_text())
    browser = Browser(demo["base_url"])
    owner = demo["logins"]["owner"]
    browser.log_in(owner["email"], owner["password"])
    found = re.search(r'href="(/inbox/[0-9a-f-]{36}/)', browser.get("/inbox/")[0])
    assert found is not None, "the demo has no conversation"
    figures = [_measured(browser, name, path or found[1]) for name, path in PAGES.items()]
    show("Pages of the demo, gzipped; goal for the inbox: 120 kB in all", figures)
