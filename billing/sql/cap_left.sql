-- Promises: the business's spend cap, whether it is hard, what the month has cost so far, and what is under way; no row
-- without a cap.
SELECT c.limit_micros, c.is_hard,
       coalesce((SELECT sum(u.amount_micros) FROM billing_usage u
                  WHERE u.business_id = c.business_id
                    AND u.billed_month = coalesce(
                        (SELECT p.month FROM billing_period p
                          WHERE p.business_id = c.business_id AND %(at)s >= p.starts_at AND %(at)s < p.ends_at),
                        date_trunc('month', %(at)s AT TIME ZONE z.timezone)::date)), 0)::bigint,
       coalesce((SELECT sum(k.price_micros) FROM billing_commitment k WHERE k.business_id = c.business_id), 0)::bigint
  FROM billing_spendcap c JOIN accounts_business z ON z.id = c.business_id
 WHERE c.business_id = %(business_id)s
