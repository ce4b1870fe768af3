"""Parley for a real browser: pages by WSGI, live streams by uvicorn, and a worker, in threads."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import uvicorn
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from accounts.models import Business, User
from billing.metering import meter
from core import outbox
from core.tenancy import system
from hosting.broadcasts import run as broadcasts_run
from hosting.inbound import events
from hosting.live.stream import application as live_application
from hosting.models import Number, SimulatedPhone
from hosting.transports import sandbox
from shops.chat import order_updates, orders_intake
from stack.machine import free_port
from tests.factories import make_business, make_member, make_number

# Generous: the machine that runs the suite may be busy.
expect.set_options(timeout=15_000)

PASSWORD = "correct horse battery"
PICTURES = Path(django_settings.BASE_DIR) / "pictures"


@dataclass
class Site:
    """The running product and who is in it."""

    url: str
    business: Business
    number: Number
    owner: User
    simulated_phone: SimulatedPhone
    browser: Browser
    windows: list[BrowserContext] = field(default_factory=list)

    def window(self, **options: Any) -> BrowserContext:
        """A browser window that is logged in as the owner."""
        context = self.stranger(**options)
        client = Client()
        client.force_login(self.owner, backend="django.contrib.auth.backends.ModelBackend")
        context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.url}]
        )
        return context

    def stranger(self, **options: Any) -> BrowserContext:
        """A browser window of somebody not logged in."""
        context = self.browser.new_context(base_url=self.url, **options)
        context.set_default_timeout(15_000)
        self.windows.append(context)
        return context


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@pytest.fixture(
    scope="package"
)  # and no longer: the tests after these run event loops of their own in this thread
def browser() -> Iterator[Browser]:
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    # Playwright's event loop lives in this thread; Django must not take it for an async view.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def site(committed_db: None, redis: Any, settings: Any, browser: Browser) -> Iterator[Site]:
    live_port = free_port()
    server = make_server(
        "127.0.0.1", 0, get_wsgi_application(), server_class=_Threaded, handler_class=_Quiet
    )
    settings.BASE_URL = f"http://127.0.0.1:{server.server_port}"
    settings.LIVE_URL = f"http://127.0.0.1:{live_port}"
    settings.CSRF_TRUSTED_ORIGINS = [settings.BASE_URL]
    policy = settings.CONTENT_SECURITY_POLICY
    directives = policy["DIRECTIVES"] | {"connect-src": ["'self'", settings.LIVE_URL]}
    settings.CONTENT_SECURITY_POLICY = policy | {"DIRECTIVES": directives}
    config = uvicorn.Config(
        live_application, port=live_port, log_level="critical", timeout_graceful_shutdown=1
    )
    live = uvicorn.Server(config)
    stop = threading.Event()
    threads = [
        threading.Thread(target=run, args=arguments, daemon=True)
        for run, *arguments in ((server.serve_forever, 0.01), (live.run,), (_work, stop))
    ]
    for thread in threads:
        thread.start()
    site = _people(settings.BASE_URL, browser)
    yield site
    for window in site.windows:
        window.close()
    stop.set()
    live.should_exit = True
    server.shutdown()
    for thread in threads:
        thread.join(30)
    server.server_close()
    assert not [thread for thread in threads if thread.is_alive()], "the worker still works"


def _people(url: str, browser: Browser) -> Site:
    business = make_business(name="Luma Bakery")
    number = make_number(business, digits="15550102030")
    owner = make_member(business, "owner", password=PASSWORD)
    with system("test data"):
        simulated_phone = SimulatedPhone.objects.create(
            business=business, wa_id="14155550123", name="Zoe Field"
        )
    return Site(url, business, number, owner, simulated_phone, browser)


def _work(stop: threading.Event) -> None:
    """The work of the Celery worker, in a loop without wake-ups."""
    verbs: list[Callable[[], int]] = [
        broadcasts_run.work_due,
        sandbox.deliver_due,
        events.apply_due,
        orders_intake.process_due,
        order_updates.notify_due,
        meter.meter_due,
        outbox.send_due,
    ]
    while not stop.is_set():
        # Pages are answered by the same process: without work, leave the time to them.
        has_worked = sum(verb() or 0 for verb in verbs)
        stop.wait(0.02 if has_worked else 0.2)
    connections.close_all()


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    """One logged-in window; the test fails when its scripts or its content policy complain."""
    context = site.window()
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    yield page
    assert complaints == []
