-- Promises: the business has a period row for this month, with edges in its time zone that touch its neighbours'.
INSERT INTO billing_period (business_id, month, starts_at, ends_at, state)
SELECT z.id, w.month,
       coalesce((SELECT ends_at FROM billing_period p WHERE p.business_id = z.id
                    AND p.month = (w.month - interval '1 month')::date),
                w.month::timestamp AT TIME ZONE z.timezone),
       coalesce((SELECT starts_at FROM billing_period p WHERE p.business_id = z.id
                    AND p.month = (w.month + interval '1 month')::date),
                (w.month + interval '1 month')::timestamp AT TIME ZONE z.timezone),
       'open'
  FROM accounts_business z, (SELECT %(month)s::date AS month) w
 WHERE z.id = %(business_id)s
ON CONFLICT (business_id, month) DO NOTHING
