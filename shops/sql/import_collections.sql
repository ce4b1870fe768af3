-- Promises: the products of `rows` are on exactly the collections (by slug) named. Output: products
-- that moved.
WITH e AS (
    SELECT p.id AS product_id, r.slugs
      FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(retailer_id text, slugs jsonb)
      JOIN shops_product p ON p.catalog_id = %(catalog_id)s AND p.retailer_id = r.retailer_id
), wanted AS (
    SELECT e.product_id, c.id AS collection_id
      FROM e CROSS JOIN LATERAL jsonb_array_elements_text(e.slugs) AS w(slug)
      JOIN shops_collection c ON c.catalog_id = %(catalog_id)s AND c.slug = w.slug
), gone AS (
    DELETE FROM shops_collectionproduct x USING e
     WHERE x.product_id = e.product_id
       AND NOT EXISTS (SELECT FROM wanted w WHERE w.product_id = x.product_id
           AND w.collection_id = x.collection_id)
    RETURNING x.product_id
), added AS (
    INSERT INTO shops_collectionproduct (business_id, collection_id, product_id)
    SELECT %(business_id)s, w.collection_id, w.product_id FROM wanted w
    ON CONFLICT (collection_id, product_id) DO NOTHING
    RETURNING product_id
)
SELECT product_id FROM gone UNION SELECT product_id FROM added
