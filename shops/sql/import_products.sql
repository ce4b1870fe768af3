-- Promises: each row of `rows` is the product of its id from now on, in the fields that `given`
-- names; other fields stay as they are, and a product that is the same already is not touched.
-- Products are locked in the order of their ids. Output: id, retailer id, whether it was new, for
-- those that were written.
WITH e AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
        retailer_id text, title text, description text, brand text, category text, link text,
        item_group text, options jsonb, condition text, availability text, price_minor bigint,
        sale_price_minor bigint, sale_from timestamptz, sale_until timestamptz,
        tax_percent numeric(5, 2), stock integer, is_hidden boolean)
), held AS MATERIALIZED (
    SELECT * FROM shops_product
     WHERE catalog_id = %(catalog_id)s AND retailer_id IN (SELECT retailer_id FROM e)
     ORDER BY id FOR UPDATE
), g AS (
    SELECT %(given)s::text[] AS names, %(options)s::text[] AS options
), fresh AS (
    SELECT e.retailer_id, e.title, e.price_minor,
           CASE WHEN 'description' = ANY (names) THEN e.description
               ELSE coalesce(h.description, '') END AS description,
           CASE WHEN 'brand' = ANY (names) THEN e.brand ELSE coalesce(h.brand, '') END AS brand,
           CASE WHEN 'category' = ANY (names) THEN e.category
               ELSE coalesce(h.category, '') END AS category,
           CASE WHEN 'link' = ANY (names) THEN e.link ELSE coalesce(h.link, '') END AS link,
           CASE WHEN 'item_group' = ANY (names) THEN e.item_group
               ELSE coalesce(h.item_group, '') END AS item_group,
           (coalesce(h.options, '{}') - g.options) || e.options AS options,
           CASE WHEN 'condition' = ANY (names) THEN e.condition
               ELSE coalesce(h.condition, 'new') END AS condition,
           CASE WHEN 'availability' = ANY (names) THEN e.availability
                ELSE coalesce(h.availability, 'in stock') END AS availability,
           CASE WHEN 'sale_price' = ANY (names) THEN e.sale_price_minor
                WHEN h.sale_price_minor <= e.price_minor
                    THEN h.sale_price_minor END AS sale_price_minor,
           CASE WHEN 'sale_price_effective_date' = ANY (names) THEN e.sale_from
               ELSE h.sale_from END AS sale_from,
           CASE WHEN 'sale_price_effective_date' = ANY (names) THEN e.sale_until
               ELSE h.sale_until END AS sale_until,
           CASE WHEN 'tax_percent' = ANY (names) THEN e.tax_percent
               ELSE coalesce(h.tax_percent, 0) END AS tax_percent,
           CASE WHEN 'quantity_to_sell_on_facebook' = ANY (names) THEN e.stock
               ELSE h.stock END AS stock,
           CASE WHEN 'status' = ANY (names) THEN e.is_hidden
               ELSE coalesce(h.is_hidden, false) END AS is_hidden
      FROM e CROSS JOIN g LEFT JOIN held h USING (retailer_id)
)
INSERT INTO shops_product AS p (
    business_id, catalog_id, retailer_id, title, price_minor, description, brand, category, link,
    item_group, options, condition, availability, sale_price_minor, sale_from, sale_until,
    tax_percent, stock, is_hidden, created_at, updated_at)
SELECT %(business_id)s, %(catalog_id)s, f.*, now(), now() FROM fresh f ORDER BY f.retailer_id
ON CONFLICT (catalog_id, retailer_id) DO UPDATE SET
    (title, price_minor, description, brand, category, link, item_group, options, condition,
     availability, sale_price_minor, sale_from, sale_until, tax_percent, stock, is_hidden,
     updated_at) =
    (EXCLUDED.title, EXCLUDED.price_minor, EXCLUDED.description, EXCLUDED.brand, EXCLUDED.category,
     EXCLUDED.link, EXCLUDED.item_group, EXCLUDED.options, EXCLUDED.condition,
     EXCLUDED.availability, EXCLUDED.sale_price_minor, EXCLUDED.sale_from, EXCLUDED.sale_until,
     EXCLUDED.tax_percent, EXCLUDED.stock, EXCLUDED.is_hidden, now())
 WHERE (p.title, p.price_minor, p.description, p.brand, p.category, p.link, p.item_group,
        p.options, p.condition, p.availability, p.sale_price_minor, p.sale_from, p.sale_until,
        p.tax_percent, p.stock, p.is_hidden)
   IS DISTINCT FROM
       (EXCLUDED.title, EXCLUDED.price_minor, EXCLUDED.description, EXCLUDED.brand,
        EXCLUDED.category, EXCLUDED.link, EXCLUDED.item_group, EXCLUDED.options,
        EXCLUDED.condition, EXCLUDED.availability, EXCLUDED.sale_price_minor, EXCLUDED.sale_from,
        EXCLUDED.sale_until, EXCLUDED.tax_percent, EXCLUDED.stock, EXCLUDED.is_hidden)
RETURNING p.id, (p.xmax = 0)
