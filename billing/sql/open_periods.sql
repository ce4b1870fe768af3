-- Promises: every delivery of the batch falls into a period of its business, and every business of the batch has an
-- open period to bill in. Months begin and end in the business's time zone as it is now; the edges are stored, and a
-- new month starts where its neighbour's stored edge is, so a change of time zone leaves neither hole nor overlap.
WITH missing AS (
    -- The calendar's month may exist with edges of an older time zone that leave this moment to its neighbour.
    SELECT DISTINCT b.business_id,
           CASE WHEN c.ends_at <= b.delivered_at THEN c.month + interval '1 month'
                WHEN c.starts_at > b.delivered_at THEN c.month - interval '1 month'
                ELSE date_trunc('month', b.delivered_at AT TIME ZONE z.timezone) END::date AS month
      FROM pg_temp.meter_batch b
      JOIN accounts_business z ON z.id = b.business_id
      LEFT JOIN billing_period c
        ON c.business_id = b.business_id
       AND c.month = date_trunc('month', b.delivered_at AT TIME ZONE z.timezone)::date
     WHERE NOT EXISTS (SELECT FROM billing_period p WHERE p.business_id = b.business_id
                          AND b.delivered_at >= p.starts_at AND b.delivered_at < p.ends_at)
), nothing_open AS (
    SELECT p.business_id, (max(p.month) + interval '1 month')::date AS month
      FROM billing_period p
     WHERE p.business_id IN (SELECT business_id FROM pg_temp.meter_batch)
     GROUP BY p.business_id
    HAVING bool_and(p.state = 'closed')
)
INSERT INTO billing_period (business_id, month, starts_at, ends_at, state)
SELECT w.business_id, w.month,
       coalesce((SELECT ends_at FROM billing_period p WHERE p.business_id = w.business_id
                    AND p.month = (w.month - interval '1 month')::date),
                w.month::timestamp AT TIME ZONE z.timezone),
       coalesce((SELECT starts_at FROM billing_period p WHERE p.business_id = w.business_id
                    AND p.month = (w.month + interval '1 month')::date),
                (w.month + interval '1 month')::timestamp AT TIME ZONE z.timezone),
       'open'
  FROM (SELECT * FROM missing UNION SELECT * FROM nothing_open) w
  JOIN accounts_business z ON z.id = w.business_id
 ORDER BY w.business_id, w.month
ON CONFLICT (business_id, month) DO NOTHING
