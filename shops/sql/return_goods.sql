-- Promises: so many of an order's lines are on the shelf again, and noted at the line, which the
-- database does not let exceed what was ordered; products are locked in the order of their ids, and
-- one that nobody counts is left alone.
WITH back AS (
    UPDATE shops_orderline l SET returned_quantity = l.returned_quantity + b.quantity
      FROM unnest(%(positions)s::int[], %(counts)s::int[]) AS b (position, quantity)
     WHERE l.order_id = %(order_id)s AND l.position = b.position AND l.is_counted
 RETURNING l.product_id, b.quantity
), moved AS (
    SELECT product_id, sum(quantity) AS quantity FROM back GROUP BY product_id
), held AS (
    SELECT p.id, m.quantity FROM shops_product p JOIN moved m ON m.product_id = p.id
     WHERE p.stock IS NOT NULL ORDER BY p.id FOR UPDATE OF p
)
UPDATE shops_product p SET stock = p.stock + h.quantity, updated_at = now()
  FROM held h WHERE p.id = h.id
