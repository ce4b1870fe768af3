-- Promises: up to `limit` waiting deliveries are named by a new batch of this session, which is to be
-- committed before they are priced; none of another batch is among them. Each business with waiting
-- deliveries has a share, the oldest of its own first, beginning behind the business `after`; what
-- the shares leave is filled with more of those that have more. A share is at least a 128th of a
-- batch, as the cost of a batch rises with its businesses; where not every business fits, the others
-- come next. A business's part of a batch is a range of ids. Businesses are found by one index probe each; run under the advisory lock of
-- metering, so that two sessions never choose the same.
-- Output: the batch, and its last business; no row where nothing waits.
WITH RECURSIVE held AS MATERIALIZED (
    SELECT h.business_id, max(h.last) AS last
      FROM billing_meterbatch b CROSS JOIN LATERAL unnest(b.businesses, b.lasts) AS h (business_id, last)
     GROUP BY h.business_id
), ahead AS (
    (SELECT business_id FROM hosting_delivery WHERE business_id > %(after)s
      ORDER BY business_id LIMIT 1)
    UNION ALL
    SELECT (SELECT business_id FROM hosting_delivery
             WHERE business_id > a.business_id ORDER BY business_id LIMIT 1)
      FROM ahead a WHERE a.business_id IS NOT NULL
), behind AS (
    (SELECT business_id FROM hosting_delivery WHERE business_id <= %(after)s
      ORDER BY business_id LIMIT 1)
    UNION ALL
    SELECT (SELECT business_id FROM hosting_delivery
             WHERE business_id > b.business_id AND business_id <= %(after)s
             ORDER BY business_id LIMIT 1)
      FROM behind b WHERE b.business_id IS NOT NULL
), turn AS MATERIALIZED (
    SELECT o.business_id, coalesce(h.last, 0) AS held_to, row_number() OVER () AS place
      FROM (SELECT business_id FROM ahead UNION ALL SELECT business_id FROM behind) o
      LEFT JOIN held h USING (business_id)
     WHERE o.business_id IS NOT NULL
       AND (h.last IS NULL
            OR EXISTS (SELECT FROM hosting_delivery d
                        WHERE d.business_id = o.business_id AND d.id > h.last))
     LIMIT %(limit)s
), share AS MATERIALIZED (
    SELECT greatest(1, %(limit)s / 128, %(limit)s / greatest(1, count(*))) AS most FROM turn
), counted AS MATERIALIZED (
    SELECT t.business_id, t.place, m.first, m.last, m.messages, m.messages = s.most AS is_full,
           (sum(m.messages) OVER (ORDER BY t.place))::bigint AS so_far
      FROM turn t CROSS JOIN share s
     CROSS JOIN LATERAL (SELECT min(id) AS first, max(id) AS last, count(*) AS messages
                           FROM (SELECT id FROM hosting_delivery d
                                  WHERE d.business_id = t.business_id AND d.id > t.held_to
                                  ORDER BY id LIMIT s.most) x) m
), shared AS MATERIALIZED (
    SELECT * FROM counted WHERE so_far <= %(limit)s
), rest AS MATERIALIZED (
    SELECT (%(limit)s - max(so_far)) / greatest(1, count(*) FILTER (WHERE is_full)) AS most
      FROM shared
), chosen AS MATERIALIZED (
    SELECT s.business_id, s.place, s.first, coalesce(m.last, s.last) AS last
      FROM shared s CROSS JOIN rest r
      LEFT JOIN LATERAL (SELECT max(id) AS last
                           FROM (SELECT id FROM hosting_delivery d
                                  WHERE d.business_id = s.business_id AND d.id > s.last
                                  ORDER BY id LIMIT r.most) x) m
        ON s.is_full AND r.most > 0
)
INSERT INTO billing_meterbatch (businesses, firsts, lasts, attempts, leased_by, leased_until)
SELECT array_agg(business_id ORDER BY place), array_agg(first ORDER BY place),
       array_agg(last ORDER BY place), 1, pg_backend_pid(),
       statement_timestamp() + make_interval(secs => %(lease)s)
  FROM chosen HAVING count(*) > 0
RETURNING id, attempts, businesses[cardinality(businesses)]
