-- Promises: for every cap whose month's charges have reached 50, 80 or 100 percent of it, one alert
-- a share and month.
INSERT INTO billing_spendalert (business_id, month, percent, limit_micros, spent_micros, raised_at)
SELECT s.business_id, p.month, share.percent, s.limit_micros, spent.spent_micros, now()
  FROM billing_spendcap s
  JOIN accounts_business z ON z.id = s.business_id
  JOIN billing_period p
    ON p.business_id = z.id AND p.currency = s.currency
   AND coalesce(z.clock_at, now()) >= p.starts_at AND coalesce(z.clock_at, now()) < p.ends_at
 CROSS JOIN LATERAL billing_spending(z.id, p.month) spent
 CROSS JOIN (VALUES (50), (80), (100)) AS share (percent)
 WHERE s.limit_micros > 0 AND spent.spent_micros * 100 >= s.limit_micros * share.percent
 -- Mailed in the order of their ids: the lower share first.
 ORDER BY s.business_id, share.percent
ON CONFLICT (business_id, month, percent) DO NOTHING
