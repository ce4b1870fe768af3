-- Promises: one business, or with NULL every one, has a period for each month from the one in which
-- it began to the present one by its own clock, whether anything was delivered in it or not.
INSERT INTO billing_period (business_id, month, starts_at, ends_at, state)
SELECT z.id, m.month, e.starts_at, e.ends_at, 'open'
  FROM accounts_business z
 CROSS JOIN LATERAL billing_began(z.id) b
 CROSS JOIN LATERAL billing_month(z.id, coalesce(z.clock_at, now())) h
 CROSS JOIN LATERAL (
        SELECT s.at::date AS month
          FROM generate_series(b.month::timestamp, h.month::timestamp, interval '1 month') s (at)
       ) m
 CROSS JOIN LATERAL billing_edges(z.id, m.month) e
 WHERE (%(business_id)s::bigint IS NULL OR z.id = %(business_id)s)
   AND NOT EXISTS (SELECT FROM billing_period p
                    WHERE p.business_id = z.id AND p.month = m.month)
 ORDER BY z.id, m.month
ON CONFLICT (business_id, month) DO NOTHING
