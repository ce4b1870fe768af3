"""Addresses of shops' pages."""

from django.urls import path

from shops.views import pay

urlpatterns = [
    # Before the shops' own pages: no shop can be called `pay`.
    path("s/pay/<str:token>/", pay.pay, name="shop_pay"),
]
