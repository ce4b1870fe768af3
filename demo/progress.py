"""How far the demo's history is: kept in the cache while a process plays it, shown as a banner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.core.cache import cache
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.dashboard.panels import Banner
from accounts.models import Business
from demo import script

KEY = "demo.progress"
# Longer than a week of the demo takes; after it, a process that was killed shows nothing any more.
SECONDS = 120


@contextmanager
def shown() -> Iterator[Callable[[int, int], None]]:
    """Provide a function that shows weeks done and weeks in all, until the block ends."""

    def show(done: int, total: int) -> None:
        # Without a cache there is no banner; the demo goes on.
        with suppress(Exception):
            cache.set(KEY, (done, total), SECONDS)

    try:
        yield show
    finally:
        with suppress(Exception):
            cache.delete(KEY)


def banners(business: Business, role: str) -> list[Banner]:
    """The banner above the demo's pages while its history is being played; others have none."""
    if business.name != script.BUSINESS:
        return []
    try:
        found = cache.get(KEY)
    except Exception:
        return []
    if not found:
        return []
    done, total = found
    text = _(
        "The demo is filled with three months: week %(done)s of %(total)s. Look around meanwhile."
    )
    return [
        Banner(
            text % {"done": min(done + 1, total), "total": total},
            "info",
            progress=(done, total),
            refresh_url=reverse("demo_progress"),
        )
    ]
