-- Promises: the products that brought most since that moment, with pieces and money of orders that
-- are confirmed and not cancelled, less pieces that were paid back; by retailer id, with the title
-- of the latest order.
SELECT l.retailer_id, (array_agg(l.title ORDER BY o.id DESC))[1], max(l.product_id),
       sum(l.quantity - l.refunded_quantity)::bigint,
       sum((l.quantity - l.refunded_quantity) * l.unit_minor)::bigint AS amount
  FROM shops_order o JOIN shops_orderline l ON l.order_id = o.id
 WHERE o.business_id = %(business_id)s AND o.catalog_id = %(catalog_id)s
     AND o.confirmed_at >= %(since)s
   AND o.state IN ('confirmed', 'packed', 'shipped', 'delivered')
 GROUP BY l.retailer_id
 ORDER BY amount DESC, l.retailer_id LIMIT %(limit)s
