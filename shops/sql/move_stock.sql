-- Promises: the counted stock of an order's products falls (sign -1) or rises (+1) by what was
-- ordered and is not back already, all or nothing, in the order of their ids; a product that is not
-- counted any more is left alone.
WITH moved AS (
    SELECT p.id, sum(l.quantity - l.returned_quantity) AS quantity
      FROM shops_orderline l JOIN shops_product p ON p.id = l.product_id
     WHERE l.order_id = %(order_id)s AND l.is_counted AND l.quantity > l.returned_quantity
     GROUP BY p.id
), held AS (
    SELECT p.id, m.quantity FROM shops_product p JOIN moved m ON m.id = p.id
     WHERE p.stock IS NOT NULL ORDER BY p.id FOR UPDATE OF p
)
UPDATE shops_product p SET stock = p.stock + %(sign)s * h.quantity, updated_at = now()
  FROM held h WHERE p.id = h.id
