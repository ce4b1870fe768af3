-- Promises: products, carts, orders and all that hangs on them stay within one business, whatever a
-- query gets wrong.
ALTER TABLE shops_product
    ADD CONSTRAINT product_catalog_of_business FOREIGN KEY (business_id, catalog_id)
        REFERENCES shops_catalog (business_id, id) ON DELETE CASCADE;
ALTER TABLE shops_picture
    ADD CONSTRAINT picture_product_of_business FOREIGN KEY (business_id, product_id)
        REFERENCES shops_product (business_id, id) ON DELETE CASCADE;
ALTER TABLE shops_collection
    ADD CONSTRAINT collection_catalog_of_business FOREIGN KEY (business_id, catalog_id)
        REFERENCES shops_catalog (business_id, id) ON DELETE CASCADE;
ALTER TABLE shops_collectionproduct
    ADD CONSTRAINT shelved_product_of_business FOREIGN KEY (business_id, product_id)
        REFERENCES shops_product (business_id, id) ON DELETE CASCADE;
ALTER TABLE shops_deliverymethod
    ADD CONSTRAINT delivery_catalog_of_business FOREIGN KEY (business_id, catalog_id)
        REFERENCES shops_catalog (business_id, id) ON DELETE CASCADE;
ALTER TABLE shops_cart
    ADD CONSTRAINT cart_catalog_of_business FOREIGN KEY (business_id, catalog_id)
        REFERENCES shops_catalog (business_id, id) ON DELETE CASCADE;
ALTER TABLE shops_cartline
    ADD CONSTRAINT cart_line_of_business FOREIGN KEY (business_id, cart_id)
        REFERENCES shops_cart (business_id, id) ON DELETE CASCADE,
    ADD CONSTRAINT carted_product_of_business FOREIGN KEY (business_id, product_id)
        REFERENCES shops_product (business_id, id) ON DELETE CASCADE;
ALTER TABLE shops_order
    ADD CONSTRAINT order_catalog_of_business FOREIGN KEY (business_id, catalog_id)
        REFERENCES shops_catalog (business_id, id);
ALTER TABLE shops_orderline
    ADD CONSTRAINT order_line_of_business FOREIGN KEY (business_id, order_id)
        REFERENCES shops_order (business_id, id) ON DELETE CASCADE;
ALTER TABLE shops_buyerpayment
    ADD CONSTRAINT buyer_payment_of_business FOREIGN KEY (business_id, order_id)
        REFERENCES shops_order (business_id, id);
