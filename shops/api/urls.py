"""URLs of shops below /api/v1/."""

from django.urls import path

from shops.api import products

urlpatterns = [
    path("products/", products.Products.as_view(), name="api_products"),
    path("products/<int:product_id>/", products.ProductById.as_view(), name="api_product"),
    path(
        "products/<int:product_id>/stock/",
        products.ProductStock.as_view(),
        name="api_product_stock",
    ),
]
