"""`manage.py seed_demo`: create the demo business once, and write `demo.json` for scripts.

The logins are there after a second; then the business plays three months, while people can look.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand
from django.core.wsgi import get_wsgi_application
from rich.progress import Progress

from accounts.models import ApiKey, Business
from core.installation import LOGINS_ARE_READY
from core.tenancy import system
from demo import progress, script, seed
from hosting.models import Message, Number
from shops.models import Product

# What `demo.json` says of a history that an earlier process has not finished.
UNFINISHED = "unfinished"


class Command(BaseCommand):
    """Seeds the demo; repeats only what does not work any more."""

    help = "Make the demo business (once) and write demo.json."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create what is missing."""
        # A log line per request would hide the progress.
        logging.getLogger().setLevel(logging.WARNING)
        path = settings.ENV.var / "demo.json"
        transport = httpx.WSGITransport(app=get_wsgi_application())
        business = seed.find()
        known = _read(path)
        demo = None
        if business is None:
            demo = seed.create(transport)
            known = _described(demo.business, demo.key, seed.make_logins(demo.business))
            known |= {"history": UNFINISHED}
        elif not _still_works(known):
            known = _renew(business) | {"history": known.get("history")}
        _write(path, known)
        self._line_out(LOGINS_ARE_READY)
        if business is not None and known.get("history") == UNFINISHED:
            demo = seed.resumed(business, known["api_key"], transport)
        if demo is not None:
            self._play(demo)
            facts = _described(demo.business, known["api_key"], known["logins"])
            _write(path, facts | {"history": "complete"})

    def _play(self, demo: seed.Demo) -> None:
        start = time.monotonic()
        with self._progress() as report, progress.shown() as show:

            def both(done: int, total: int, doing: str) -> None:
                show(done, total)
                report(done, total, doing)

            seed.simulate(demo, both)
        self._line_out(f"Demo complete in {time.monotonic() - start:.1f} s.")

    def _line_out(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    @contextmanager
    def _progress(self) -> Iterator[Callable[[int, int, str], None]]:
        """The report for `seed.simulate`: a bar on a terminal, elsewhere a line per week."""
        if not sys.stdout.isatty():
            yield self._line
            return
        with Progress(transient=True) as progress:
            task = progress.add_task("Demo")
            yield lambda done, total, doing: progress.update(
                task, completed=done, total=total, description=f"Demo: {doing}"
            )

    def _line(self, done: int, total: int, doing: str) -> None:
        self._line_out(f"Demo: {done}/{total} weeks, {doing}")


def _described(business: Business, key: str, logins: dict[str, Any]) -> dict[str, Any]:
    with system("the demo is described for scripts"):
        number = Number.objects.select_related("account").get(
            business=business, digits=script.DIGITS
        )
        asked = Message.objects.filter(
            number=number, direction="in", contact__wa_id=script.PEOPLE[0].digits
        )
        inbound_wamid = asked.order_by("-id").values_list("wamid", flat=True).first()
        product = (
            Product.objects.filter(business=business)
            .select_related("catalog")
            .order_by("id")
            .first()
        )
    return {
        "base_url": settings.BASE_URL,
        "logins": logins,
        "api_key": key,
        "app_secret": number.account.app_secret,
        "verify_token": number.account.verify_token,
        "webhook_url": f"{settings.BASE_URL}/webhooks/",
        "phone_number_id": number.phone_number_id,
        "waba_id": number.account.waba_id,
        "customer_wa_id": script.PEOPLE[0].digits,
        "inbound_wamid": inbound_wamid,
        "template_name": "hello_world",
        "template_param_name": "new_harvest",
        "catalog_id": product.catalog.catalog_id if product else "",
        "product_retailer_id": product.retailer_id if product else "",
    }


def _renew(business: Business) -> dict[str, Any]:
    """Facts with a new key, for a file that was lost or whose key was revoked."""
    with system("the demo gets a new key"):
        _, key = ApiKey.issue(business, name="Demo key")
    return _described(business, key, seed.make_logins(business))


def _still_works(known: dict[str, Any]) -> bool:
    with system("the demo's key is looked up"):
        digest = ApiKey.digest_of(str(known.get("api_key", "")))
        return bool(known.get("logins")) and ApiKey.objects.live().filter(digest=digest).exists()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, known: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # `up` writes addresses and process ids into the same file.
    kept = _read(path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(kept | known | {"base_url": settings.BASE_URL}, file, indent=2)
