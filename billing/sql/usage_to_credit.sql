-- Promises: the rollup rows of a month that is credited, in the order of an invoice's lines, with
-- the opposite sign: what the customer gets is positive.
SELECT CASE WHEN u.month < u.billed_month THEN 'late' ELSE 'messages' END AS kind,
       initcap(u.category) || ' messages to ' || u.market
           || CASE WHEN u.month < u.billed_month
                   THEN ', delivered in ' || to_char(u.month, 'YYYY-MM') ELSE '' END AS description,
       u.month, u.market, u.category, -u.messages AS quantity, -u.amount_micros AS amount_micros
  FROM billing_usage u
 WHERE u.business_id = %(business_id)s AND u.billed_month = %(month)s AND u.messages <> 0
   AND NOT billing_is_test(u.rule)
 ORDER BY u.month < u.billed_month, u.month, u.market, u.category, u.rule, u.tier_id, u.id
