"""Models of shops: catalogues, products, carts, orders and payments."""

from shops.models.carts import Cart, CartLine
from shops.models.catalogs import (
    Availability,
    Catalog,
    Collection,
    CollectionProduct,
    Condition,
    DeliveryMethod,
    Picture,
    Product,
    ProductQuerySet,
    StockMove,
)
from shops.models.imports import CatalogImport, ImportProblem
from shops.models.order_updates import OrderUpdate, OrderUpdateKind
from shops.models.orders import (
    HELD,
    IncomingOrder,
    Order,
    OrderLine,
    OrderNote,
    OrderQuerySet,
    OrderState,
    PaymentWay,
)
from shops.models.payments import LIVE, BuyerPayment, BuyerRefund, PaymentStatus, ShopGatewayEvent

__all__ = [
    "HELD",
    "LIVE",
    "Availability",
    "BuyerPayment",
    "BuyerRefund",
    "Cart",
    "CartLine",
    "Catalog",
    "CatalogImport",
    "Collection",
    "CollectionProduct",
    "Condition",
    "DeliveryMethod",
    "ImportProblem",
    "IncomingOrder",
    "Order",
    "OrderLine",
    "OrderNote",
    "OrderQuerySet",
    "OrderState",
    "OrderUpdate",
    "OrderUpdateKind",
    "PaymentStatus",
    "PaymentWay",
    "Picture",
    "Product",
    "ProductQuerySet",
    "ShopGatewayEvent",
    "StockMove",
]
