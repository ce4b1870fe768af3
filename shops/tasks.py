"""Celery tasks of shops: they carry no data. Each wakes, claims rows in PostgreSQL, and works on
them.
"""

from celery import shared_task

from core.queue.sweep import across_businesses, run_steps, until_idle
from core.wake import notify
from hosting.inbound import events
from hosting.transports import cloudapi, sandbox
from hosting.webhooks import delivery
from shops.catalog import imports, pictures
from shops.chat import order_updates, orders_intake
from shops.orders import place
from shops.payments import attempts, card_pages, card_refunds, stripe_events


def _wake_senders() -> None:
    cloudapi.wake()
    delivery.wake()


@shared_task
def take() -> None:
    """Process messages of buyers, send updates of their orders, and let the messages leave."""
    until_idle(
        orders_intake.process_due,
        order_updates.notify_due,
        sandbox.deliver_due,
        events.apply_due,
        after=_wake_senders,
    )


@shared_task
def sweep() -> None:
    """Give back the goods of orders that were not paid in time, and delete old carts."""
    run_steps(
        card_pages.close_overdue,
        across_businesses(attempts.cancel_overdue),
        place.expire_due,
        across_businesses(orders_intake.delete_expired_carts),
    )


@shared_task
def fetch_pictures() -> None:
    """Fetch the pictures that feeds have named, for a while; the next sweep goes on."""
    pictures.fetch_due()


@shared_task
def feed() -> None:
    """Do a slice of an import of products; wakes itself again while there are more."""
    if imports.run_due():
        notify(feed)


@shared_task
def collect() -> None:
    """Apply events of the sellers' payment networks, ask these for refunds, and notify buyers."""
    run_steps(stripe_events.apply_due, card_refunds.send_due, take)
