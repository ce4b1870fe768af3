-- Promises: every delivery of the batch falls into a period of its business, and every business of
-- the batch has an open period to bill in. The edges are stored and never recomputed.
WITH spans AS (
    -- A month that is not stored is a calendar month, so within a month of UTC the first and the
    -- last moment without a period name all the months that are missing.
    SELECT b.business_id, min(b.delivered_at) AS first, max(b.delivered_at) AS last
      FROM pg_temp.meter_batch b
     WHERE NOT EXISTS (SELECT FROM billing_period p WHERE p.business_id = b.business_id
                          AND b.delivered_at >= p.starts_at AND b.delivered_at < p.ends_at)
     GROUP BY b.business_id, date_trunc('month', b.delivered_at, 'UTC')
), missing AS (
    SELECT s.business_id, m.month
      FROM spans s CROSS JOIN LATERAL (VALUES (s.first), (s.last)) AS w (at)
     CROSS JOIN LATERAL billing_month(s.business_id, w.at) m
), nothing_open AS (
    SELECT p.business_id, (max(p.month) + interval '1 month')::date AS month
      FROM billing_period p
     WHERE p.business_id IN (SELECT business_id FROM pg_temp.meter_batch)
     GROUP BY p.business_id
    HAVING bool_and(p.state = 'closed')
), wanted AS MATERIALIZED (
    SELECT * FROM missing UNION SELECT * FROM nothing_open
)
INSERT INTO billing_period (business_id, month, starts_at, ends_at, state)
SELECT w.business_id, w.month, e.starts_at, e.ends_at, 'open'
  FROM wanted w CROSS JOIN LATERAL billing_edges(w.business_id, w.month) e
 ORDER BY w.business_id, w.month
ON CONFLICT (business_id, month) DO NOTHING
