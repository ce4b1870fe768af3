-- Promises: every product of the catalogue once, by id, with its pictures (links, or `media:<id>`
-- of files that are here) in their order and the names of its collections.
SELECT p.retailer_id, p.title, p.description, p.brand, p.category, p.link, p.item_group, p.options,
       p.condition, p.availability, p.price_minor, p.sale_price_minor, p.sale_from, p.sale_until,
       p.tax_percent, p.stock, p.is_hidden,
       coalesce(i.names, '{}') AS pictures, coalesce(s.names, '{}') AS collections
  FROM shops_product p
  LEFT JOIN (SELECT i.product_id,
                    array_agg(CASE WHEN i.source_url <> '' THEN i.source_url ELSE 'media:'
                        || m.media_id END
                              ORDER BY i.position) AS names
               FROM shops_picture i LEFT JOIN hosting_media m
                 ON m.business_id = i.business_id AND m.id = i.media_id
              WHERE i.product_id IN (SELECT id FROM shops_product WHERE catalog_id = %(catalog_id)s)
              GROUP BY i.product_id) i ON i.product_id = p.id
  LEFT JOIN (SELECT x.product_id, array_agg(c.name ORDER BY c.position, c.name) AS names
               FROM shops_collectionproduct x JOIN shops_collection c ON c.id = x.collection_id
              WHERE c.catalog_id = %(catalog_id)s
              GROUP BY x.product_id) s ON s.product_id = p.id
 WHERE p.catalog_id = %(catalog_id)s
 ORDER BY p.id
