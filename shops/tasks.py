"""Celery tasks of shops: they carry no data; each wakes, claims rows in PostgreSQL, and does them."""

from celery import shared_task

from accounts.tenancy import system
from hosting import calling, receiving
from hosting.transports import cloudapi, sandbox
from shops import collecting, ordering, paying, taking, telling


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
def collect() -> None:
    """Apply what the sellers' payment networks told, ask them for refunds, and tell the buyers."""
    collecting.apply_due()
    collecting.pay_back_due()
    take()
