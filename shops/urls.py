"""URLs of shops: `/shop/` for sellers, `/s/` for buyers."""

from django.urls import path, re_path

from hosting.api.paths import ACCOUNT, CATALOG
from shops.api import catalogs, stripe
from shops.views import (
    imports,
    orders,
    pay,
    phone,
    product_picker,
    products,
    sales_report,
    settings,
    storefront,
)

urlpatterns = [
    re_path(ACCOUNT + r"product_catalogs/?$", catalogs.catalogs, name="cloudapi_product_catalogs"),
    re_path(CATALOG + r"products/?$", catalogs.products, name="cloudapi_products"),
    re_path(CATALOG + r"items_batch/?$", catalogs.items_batch, name="cloudapi_items_batch"),
    re_path(
        CATALOG + r"check_batch_request_status/?$",
        catalogs.batch_status,
        name="cloudapi_batch_status",
    ),
    path("shop/orders/", orders.orders, name="shop_orders"),
    path("shop/orders/<int:order_id>/", orders.order, name="shop_order"),
    path("shop/orders/<int:order_id>/receipt.pdf", orders.receipt, name="shop_order_receipt"),
    path("shop/orders/<int:order_id>/<slug:action>/", orders.act, name="shop_order_act"),
    path("inbox/<uuid:public_id>/products/", product_picker.products, name="inbox_products"),
    path(
        "phone/<int:simulated_phone_id>/<str:phone_number_id>/shop/", phone.shop, name="phone_shop"
    ),
    # Before the pages of shops; `pay` is reserved as a slug.
    path("s/pay/<str:token>/", pay.pay, name="shop_pay"),
    path("s/pay/<str:token>/delivery/", pay.choose_delivery, name="shop_pay_delivery"),
    path("s/pay/<str:token>/card/", pay.card, name="shop_pay_card"),
    path("s/pay/<str:token>/page/", pay.card_page, name="shop_pay_page"),
    path("webhooks/shops/<str:catalog_id>/stripe/", stripe.webhook, name="shop_stripe"),
    path("s/pay/<str:token>/confirm/", pay.confirm, name="shop_pay_confirm"),
    path("s/pay/<str:token>/later/", pay.pay_later, name="shop_pay_later"),
    path("s/pay/<str:token>/receipt.pdf", pay.receipt, name="shop_receipt"),
    path("shop/", sales_report.sales, name="shop_sales"),
    path("shop/products/", products.products, name="shop_products"),
    path("shop/products/new/", products.new_product, name="shop_new_product"),
    path("shop/products/<int:product_id>/", products.product, name="shop_product"),
    path("shop/products/<int:product_id>/stock/", products.stock, name="shop_stock"),
    path("shop/products/pictures/again/", products.retry_pictures, name="shop_fetch_again"),
    path("shop/products/<int:product_id>/pictures/", products.add_picture, name="shop_add_picture"),
    path(
        "shop/products/<int:product_id>/pictures/<int:picture_id>/",
        products.change_picture,
        name="shop_change_picture",
    ),
    path(
        "shop/products/<int:product_id>/remove/",
        products.remove_product,
        name="shop_remove_product",
    ),
    path("shop/imports/", imports.imports, name="shop_imports"),
    path("shop/imports/<uuid:public_id>/", imports.import_detail, name="shop_import"),
    path("shop/imports/<uuid:public_id>/cancel/", imports.cancel_import, name="shop_import_cancel"),
    path(
        "shop/imports/<uuid:public_id>/problems.csv", imports.problems, name="shop_import_problems"
    ),
    path("shop/products.csv", imports.export, name="shop_export"),
    path("shop/settings/", settings.settings, name="shop_settings"),
    path("shop/settings/delivery/", settings.add_delivery, name="shop_add_delivery"),
    path(
        "shop/settings/delivery/<int:method_id>/remove/",
        settings.remove_delivery,
        name="shop_remove_delivery",
    ),
    path("shop/collections/", settings.add_collection, name="shop_add_collection"),
    path(
        "shop/collections/<int:collection_id>/remove/",
        settings.remove_collection,
        name="shop_remove_collection",
    ),
    path("s/<slug:slug>/", storefront.home, name="shop_front"),
    path("s/<slug:slug>/c/<slug:collection>/", storefront.home, name="shop_collection"),
    path("s/<slug:slug>/p/<int:product_id>/", storefront.product, name="shop_front_product"),
    path("s/<slug:slug>/cart/", storefront.cart, name="shop_cart"),
    path("s/<slug:slug>/cart/change/", storefront.change_cart, name="shop_change_cart"),
    path("s/<slug:slug>/chat/", storefront.chat, name="shop_chat"),
    path("s/<slug:slug>/chat.svg", storefront.qr, name="shop_qr"),
    path(
        "s/<slug:slug>/pictures/<str:media_id>/<int:edge>.webp",
        storefront.picture,
        name="shop_picture",
    ),
]
