"""App configuration of `shops`."""

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_noop as _


class ShopsConfig(AppConfig):
    """Catalogues, carts, orders, and the buyers' payments for them."""

    name = "shops"
    verbose_name = "Shops"

    def ready(self) -> None:
        """Register what shops add to core, accounts and hosting; wake order intake on messages."""
        from hosting.signals import message_received

        message_received.connect(_wake_order_intake)
        _extend_ground()
        _extend_hosting()
        _extend_admin()
        _leave_out_of_the_audit_log()


def _leave_out_of_the_audit_log() -> None:
    from accounts.audit.acts import NotRecorded, not_recorded

    not_recorded.register(NotRecorded("a simulated customer does it", ("phone_shop",)))
    not_recorded.register(
        NotRecorded("a message with products, which the conversation shows", ("inbox_products",))
    )
    not_recorded.register(
        NotRecorded(
            "a file of the business itself, again", ("shop_order_receipt", "shop_import_problems")
        )
    )
    not_recorded.register(
        NotRecorded("stock moves are a log of their own", ("shop_stock", "api_product_stock"))
    )


def _extend_ground() -> None:
    from accounts.dashboard.checklist import steps
    from accounts.dashboard.finders import finders
    from core.queue import queues
    from shops.catalog import imports, pictures
    from shops.chat import order_updates, orders_intake
    from shops.dashboard import find, own_pages
    from shops.payments import card_pages, card_refunds, stripe_events

    own_pages.register()
    steps.register(own_pages.PRODUCT_STEP)
    finders.register(find.ORDERS)
    finders.register(find.PRODUCTS)
    for module in (orders_intake, order_updates, pictures, imports):
        queues.register(module.QUEUE)
    for module in (card_pages, card_refunds, stripe_events):
        queues.register(module.QUEUE)


def _extend_hosting() -> None:
    from hosting import extensions
    from shops import erasure
    from shops.chat import product_cards, product_checks

    extensions.send_checks.register(product_checks.check_products)
    extensions.upstream_contents.register(product_checks.for_upstream)
    extensions.catalog_ids.register(product_checks.from_upstream)
    extensions.product_cards.register(product_cards.cards)
    extensions.composer_tools.register(
        extensions.Tool(_("Send products"), "cart", "inbox_products")
    )
    extensions.phone_tools.register(extensions.Tool(_("Open the catalogue"), "cart", "phone_shop"))
    extensions.erasers.register(erasure.erase_person)


def _extend_admin() -> None:
    from accounts.admin_site import base
    from shops.admin import queues, records

    for link in records.BUSINESS_LINKS:
        base.business_links.register(link)
    base.front_page_attention.register(queues.failed_feeds)


def _wake_order_intake(**_ignored: Any) -> None:
    from core.wake import notify
    from shops import tasks

    notify(tasks.take)
