"""Carts: what a buyer has gathered, on the shop's page or in the chat; a cart holds no stock, its order does."""

import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Business
from hosting.models import Conversation
from shops.models.catalogs import Catalog, Product

# A cart can be named in a chat by whoever was told its code.
CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 10
KEPT = timedelta(days=30)
MOST_OF_ONE = 999


def new_code() -> str:
    """Ten letters and digits that are not mistaken for one another: 50 bits."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def in_a_month() -> datetime:
    """When a new cart is forgotten."""
    return timezone.now() + KEPT


class Cart(models.Model):
    """One cart of one buyer: a cookie names it on the shop's page, its code in the chat."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="carts")
    code = models.CharField(max_length=CODE_LENGTH, unique=True, default=new_code)
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.SET_NULL, related_name="carts"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(default=in_a_month, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["business", "id"], name="cart_of_business")
        ]

    def __str__(self) -> str:
        return f"cart {self.pk}"


class CartLine(models.Model):
    """So many of one product in a cart."""

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
                condition=Q(quantity__range=(1, MOST_OF_ONE)), name="cart_quantity_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_id}"
