-- Promises: what hangs on a catalog, a product, a cart or an order goes with it, whichever way it is
-- deleted.
SELECT core_delete_with('shops_product', 'catalog_id'),
       core_delete_with('shops_picture', 'product_id'),
       core_delete_with('shops_collection', 'catalog_id'),
       core_delete_with('shops_collectionproduct', 'product_id'),
       core_delete_with('shops_deliverymethod', 'catalog_id'),
       core_delete_with('shops_cart', 'catalog_id'),
       core_delete_with('shops_cartline', 'cart_id'),
       core_delete_with('shops_cartline', 'product_id'),
       core_delete_with('shops_orderline', 'order_id');
