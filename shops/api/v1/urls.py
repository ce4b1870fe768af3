"""URLs of shops below /api/v1/."""

from django.urls import path

from shops.api.v1 import orders, products

urlpatterns = [
    path("products/", products.Products.as_view(), name="api_products"),
    path("products/<int:product_id>/", products.ProductById.as_view(), name="api_product"),
    path(
        "products/<int:product_id>/stock/",
        products.ProductStock.as_view(),
        name="api_product_stock",
    ),
    path("orders/", orders.Orders.as_view(), name="api_orders"),
    path("orders/<int:order_id>/", orders.OrderById.as_view(), name="api_order"),
    path("orders/<int:order_id>/steps/", orders.OrderSteps.as_view(), name="api_order_steps"),
    path("orders/<int:order_id>/refunds/", orders.OrderRefunds.as_view(), name="api_order_refunds"),
]
