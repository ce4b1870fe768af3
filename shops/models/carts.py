"""Carts of buyers, filled on the shop's page or in the chat; a cart reserves no stock."""

import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Business
from hosting.models import Conversation
from shops.models.catalogs import Catalog, Product

# Who knows a cart's code can order it in a chat, so codes must not be guessable.
CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 10
CART_LIFETIME = timedelta(days=30)
MAX_QUANTITY = 999


def new_code() -> str:
    """Ten letters and digits that are not mistaken for one another: 50 bits."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def default_expiry() -> datetime:
    """Default expiry of a new cart."""
    return timezone.now() + CART_LIFETIME


class Cart(models.Model):
    """One cart of one buyer.

    A cookie identifies it on the shop's page, its code in the chat.
    """

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="carts")
    code = models.CharField(max_length=CODE_LENGTH, unique=True, default=new_code)
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.SET_NULL, related_name="carts"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(default=default_expiry, db_index=True)

    def __str__(self) -> str:
        return f"cart {self.pk}"


class CartLine(models.Model):
    """A quantity of one product in a cart."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines", db_index=False)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField(default=1)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cart", "product"], name="product_once_per_cart"),
            models.CheckConstraint(
                condition=Q(quantity__range=(1, MAX_QUANTITY)), name="cart_quantity_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_id}"
