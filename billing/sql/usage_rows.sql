-- Promises: messages and amount by market and category of one month, dearest first; read from the
-- rollup.
SELECT market, category, sum(messages)::bigint, sum(amount_micros)::bigint
  FROM billing_usage
 WHERE business_id = %(business_id)s AND billed_month = %(month)s
   AND billing_is_test(rule) = %(is_test)s
 GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2
