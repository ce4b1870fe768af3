-- Promises: every rollup row whose count or amount is not that of the ledger rows it stands for,
-- and every group of ledger rows without one. A reversal counts minus one.
SELECT coalesce(u.business_id, l.business_id),
       concat_ws(', ', coalesce(u.billed_month, l.billed_month), coalesce(u.month, l.month),
                 coalesce(u.market, l.market), coalesce(u.category, l.category),
                 coalesce(u.rule, l.rule), 'tier ' || coalesce(u.tier_id, l.tier_id)),
       format('%%s messages, %%s micros', coalesce(l.messages, 0), coalesce(l.amount, 0)),
       format('%%s messages, %%s micros', coalesce(u.messages, 0), coalesce(u.amount_micros, 0))
  FROM billing_usage u
  FULL JOIN (SELECT business_id, billed_month, month, market, category, rule, version_id,
             coalesce(tier_id, 0) AS tier_id, sum(CASE WHEN reverses_id IS NULL THEN 1
                 ELSE -1 END) AS messages, sum(price_micros) AS amount
               FROM billing_charge
              WHERE %(month)s::date IS NULL OR billed_month = %(month)s
              GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) l
 USING (business_id, billed_month, month, market, category, rule, version_id, tier_id)
 WHERE (%(month)s::date IS NULL OR coalesce(u.billed_month, l.billed_month) = %(month)s)
   AND (coalesce(u.messages, 0) <> coalesce(l.messages, 0)
       OR coalesce(u.amount_micros, 0) <> coalesce(l.amount, 0))
 ORDER BY 1, 2
