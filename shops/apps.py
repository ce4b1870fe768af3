"""App configuration of `shops`: what was sold."""

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_noop as _


class ShopsConfig(AppConfig):
    """Catalogues, carts, orders, and the buyers' payments for them."""

    name = "shops"
    verbose_name = "Shops"

    def ready(self) -> None:
        """Say which pages and queues there are, ring when messages come, and add to hosting what
        shops know of them.
        """
        from accounts import navigation
        from accounts.models import Role
        from core import health
        from hosting import extensions
        from hosting.signals import message_received
        from shops import erasure, queues
        from shops.chat import product_cards, product_checks

        sellers = frozenset({str(Role.OWNER), str(Role.AGENT)})
        # Who keeps the books sees the figures of the shop, and nothing else of it.
        navigation.add(
            navigation.Page(_("Shop"), "shop_sales", "cart", 35, sellers | {str(Role.FINANCE)})
        )
        message_received.connect(_ring)
        extensions.send_checks.append(product_checks.check_products)
        extensions.upstream_contents.append(product_checks.for_upstream)
        extensions.catalog_ids.append(product_checks.from_upstream)
        extensions.product_cards.append(product_cards.cards)
        extensions.composer_tools.append(
            extensions.Tool(_("Send products"), "cart", "inbox_products")
        )
        extensions.phone_tools.append(
            extensions.Tool(_("Open the catalogue"), "cart", "phone_shop")
        )
        extensions.erasers.append(erasure.forget)
        navigation.add(navigation.Page(_("Orders"), "shop_orders", "cart", 34, sellers))
        health.queues["incoming_orders"] = queues.INCOMING.oldest_waiting_seconds
        health.queues["order_news"] = queues.NEWS.oldest_waiting_seconds


def _ring(**_ignored: Any) -> None:
    from core.wake import notify
    from shops import tasks

    notify(tasks.take)
