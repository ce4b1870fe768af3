-- Promises: messages and amount by day (in the business's time zone) and category of one month,
-- of live or of test numbers.
SELECT (delivered_at AT TIME ZONE %(timezone)s)::date AS day, category,
       sum(CASE WHEN reverses_id IS NULL THEN 1 ELSE -1 END)::bigint, sum(price_micros)::bigint
  FROM billing_charge
 WHERE business_id = %(business_id)s AND month = %(month)s AND billing_is_test(rule) = %(is_test)s
 GROUP BY 1, 2 ORDER BY 1, 2
