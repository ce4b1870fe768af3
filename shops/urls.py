"""Addresses of shops' pages."""

from django.urls import path

from shops.api import stripe
from shops.views import handset, orders, pay, picking

urlpatterns = [
    path("shop/orders/", orders.orders, name="shop_orders"),
    path("shop/orders/<int:order_id>/", orders.order, name="shop_order"),
    path("shop/orders/<int:order_id>/receipt.pdf", orders.receipt, name="shop_order_receipt"),
    path("shop/orders/<int:order_id>/<slug:deed>/", orders.act, name="shop_order_act"),
    path("inbox/<uuid:public_id>/products/", picking.products, name="inbox_products"),
    path("phone/<int:handset_id>/<str:phone_number_id>/shop/", handset.shop, name="phone_shop"),
    # Before the shops' own pages: no shop can be called `pay`.
    path("s/pay/<str:token>/", pay.pay, name="shop_pay"),
    path("s/pay/<str:token>/delivery/", pay.deliver, name="shop_pay_delivery"),
    path("s/pay/<str:token>/card/", pay.card, name="shop_pay_card"),
    path("s/pay/<str:token>/page/", pay.page, name="shop_pay_page"),
    path("webhooks/shops/<str:catalog_id>/stripe/", stripe.webhook, name="shop_stripe"),
    path("s/pay/<str:token>/confirm/", pay.confirm, name="shop_pay_confirm"),
    path("s/pay/<str:token>/later/", pay.later, name="shop_pay_later"),
    path("s/pay/<str:token>/receipt.pdf", pay.receipt, name="shop_receipt"),
]
