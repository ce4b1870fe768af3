"""Celery tasks of shops: they carry no data; each wakes, claims rows in PostgreSQL, and does them."""

import time

from celery import shared_task

from accounts.tenancy import system
from hosting import calling, receiving
from hosting.bells import ring
from hosting.transports import cloudapi, sandbox
from shops import collecting, feeding, ordering, paying, picturing, taking, telling

LONGEST = 20.0


@shared_task
def take() -> None:
    """Heed what buyers sent, tell what happened to their orders, and let the messages leave."""
    while taking.take_due() + telling.tell_due():
        cloudapi.wake()
        calling.wake()
        while sandbox.deliver_due() + receiving.apply_due():
            pass


@shared_task
def sweep() -> None:
    """Give back the goods of orders that were not paid in time, and forget old carts."""
    collecting.give_up_due()
    with system("orders expire for every shop"):
        paying.give_up_due()
        ordering.expire_due()
        taking.forget_carts()


@shared_task
def fetch_pictures() -> None:
    """Fetch the pictures that feeds have named, for a while; the next sweep goes on."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline and picturing.fetch_due():
        pass


@shared_task
def feed() -> None:
    """Do a slice of an import of products, and ring again while there is more: other work has its turn between."""
    if feeding.work_due():
        ring(feed)


@shared_task
def collect() -> None:
    """Apply what the sellers' payment networks told, ask them for refunds, and tell the buyers."""
    collecting.apply_due()
    collecting.pay_back_due()
    take()
