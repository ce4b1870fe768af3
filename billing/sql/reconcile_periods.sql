-- Promises: every business without a period for a month between its first and its last, and every
-- period that does not begin where the one before ends.
SELECT p.business_id, 'month ' || to_char(p.month, 'YYYY-MM') || ', before it',
       'a period that ends at ' || p.starts_at,
       coalesce('one that ends at ' || before.ends_at, 'no period')
  FROM billing_period p
  LEFT JOIN billing_period before
    ON before.business_id = p.business_id
   AND before.month = (p.month - interval '1 month')::date
 WHERE (%(month)s::date IS NULL OR p.month = %(month)s)
   AND before.ends_at IS DISTINCT FROM p.starts_at
   AND EXISTS (SELECT FROM billing_period q
                WHERE q.business_id = p.business_id AND q.month < p.month)
 ORDER BY 1, 2
