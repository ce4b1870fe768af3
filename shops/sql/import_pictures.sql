-- Promises: the products of `rows` have exactly the pictures named, in that order; one that is
-- there already keeps its file, others wait to be fetched. `media:<id>` names a file that is here.
-- Output: product, media no longer referenced, or null.
WITH e AS (
    SELECT p.id AS product_id, r.pictures
      FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(retailer_id text, pictures jsonb)
      JOIN shops_product p ON p.catalog_id = %(catalog_id)s AND p.retailer_id = r.retailer_id
), wanted AS (
    SELECT e.product_id, w.name, w.n - 1 AS position
      FROM e CROSS JOIN LATERAL jsonb_array_elements_text(e.pictures) WITH ORDINALITY AS w(name, n)
), held AS (
    SELECT i.id, i.product_id, i.position, i.media_id,
           CASE WHEN i.source_url <> '' THEN i.source_url ELSE 'media:' || m.media_id END AS name
      FROM shops_picture i JOIN e ON e.product_id = i.product_id LEFT JOIN hosting_media m
          ON m.business_id = i.business_id AND m.id = i.media_id
), gone AS (
    DELETE FROM shops_picture i USING held h
     WHERE i.id = h.id AND NOT EXISTS (SELECT FROM wanted w WHERE w.product_id = h.product_id
         AND w.name = h.name)
    RETURNING i.product_id, i.media_id
), moved AS (
    UPDATE shops_picture i SET position = w.position
      FROM held h JOIN wanted w ON w.product_id = h.product_id AND w.name = h.name
     WHERE i.id = h.id AND h.position <> w.position
    RETURNING i.product_id
), added AS (
    INSERT INTO shops_picture (business_id, product_id, position, media_id, source_url, attempts,
                               not_before, last_error)
    SELECT %(business_id)s, w.product_id, w.position, m.id, CASE WHEN m.id IS NULL THEN w.name
        ELSE '' END, 0, now(), ''
      FROM wanted w
      LEFT JOIN hosting_media m ON w.name = 'media:' || m.media_id
          AND m.business_id = %(business_id)s AND m.deleted_at IS NULL
     WHERE NOT EXISTS (SELECT FROM held h WHERE h.product_id = w.product_id AND h.name = w.name)
       AND (m.id IS NOT NULL OR w.name NOT LIKE 'media:%%')
    RETURNING product_id
)
SELECT product_id, media_id FROM gone UNION ALL SELECT product_id, NULL FROM moved UNION ALL
    SELECT product_id, NULL FROM added
