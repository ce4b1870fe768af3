"""App configuration of `shops`: what was sold."""

from django.apps import AppConfig


class ShopsConfig(AppConfig):
    """Catalogues, carts, orders, and the buyers' payments for them."""

    name = "shops"
    verbose_name = "Shops"
