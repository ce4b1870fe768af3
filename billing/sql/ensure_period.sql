-- Promises: the business has a period row for this month, with edges in its time zone that touch
-- its neighbours'.
INSERT INTO billing_period (business_id, month, starts_at, ends_at, state)
SELECT %(business_id)s, %(month)s::date, e.starts_at, e.ends_at, 'open'
  FROM billing_edges(%(business_id)s, %(month)s::date) e
ON CONFLICT (business_id, month) DO NOTHING
