-- Promises: a batch of this session that could not be priced is `parts` smaller ones, or as many as it
-- has deliveries, that nobody has tried; a business's deliveries stay together as far as may be.
-- Output: how many batches there are now.
WITH batch AS (
    DELETE FROM billing_meterbatch
     WHERE id = %(id)s AND attempts = %(attempts)s AND leased_by = pg_backend_pid()
    RETURNING businesses, firsts, lasts
), numbered AS (
    SELECT d.business_id, d.id,
           ntile(%(parts)s) OVER (ORDER BY d.business_id, d.id) AS part
      FROM batch b CROSS JOIN LATERAL
           unnest(b.businesses, b.firsts, b.lasts) AS r (business_id, first, last)
      JOIN hosting_delivery d ON d.business_id = r.business_id AND d.id BETWEEN r.first AND r.last
), ranges AS (
    SELECT part, business_id, min(id) AS first, max(id) AS last
      FROM numbered GROUP BY part, business_id
)
INSERT INTO billing_meterbatch (businesses, firsts, lasts)
SELECT array_agg(business_id ORDER BY business_id), array_agg(first ORDER BY business_id),
       array_agg(last ORDER BY business_id)
  FROM ranges GROUP BY part ORDER BY part
RETURNING id
