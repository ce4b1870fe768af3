"""Celery tasks of shops: they carry no data; each wakes, claims rows in PostgreSQL, and does them."""

import time

from celery import shared_task

from core.tenancy import system
from core.wake import notify
from hosting.inbound import events
from hosting.transports import cloudapi, sandbox
from hosting.webhooks import delivery
from shops.catalog import imports, pictures
from shops.chat import order_updates, orders_intake
from shops.orders import place
from shops.payments import attempts, stripe_collection

LONGEST = 20.0


@shared_task
def take() -> None:
    """Heed what buyers sent, tell what happened to their orders, and let the messages leave."""
    while orders_intake.process_due() + order_updates.notify_due():
        cloudapi.wake()
        delivery.wake()
        while sandbox.deliver_due() + events.apply_due():
            pass


@shared_task
def sweep() -> None:
    """Give back the goods of orders that were not paid in time, and forget old carts."""
    stripe_collection.close_overdue_pages()
    with system("orders expire for every shop"):
        attempts.cancel_overdue()
        place.expire_due()
        orders_intake.delete_expired_carts()


@shared_task
def fetch_pictures() -> None:
    """Fetch the pictures that feeds have named, for a while; the next sweep goes on."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline and pictures.fetch_due():
        pass


@shared_task
def feed() -> None:
    """Do a slice of an import of products, and ring again while there is more: other work has its turn between."""
    if imports.run_due():
        notify(feed)


@shared_task
def collect() -> None:
    """Apply what the sellers' payment networks told, ask them for refunds, and tell the buyers."""
    stripe_collection.apply_due()
    stripe_collection.send_refunds_due()
    take()
