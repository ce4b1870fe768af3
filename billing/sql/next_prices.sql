-- Promises: what one message to one number would cost if it were sent now, a row a category that has a price there
-- or is free, with the rule that makes it free ('tier' where none does): the price of the next position on the
-- ladder, as metering would say it. Free messages per number are not counted: the price is the most.
SELECT c.category, p.market,
       CASE WHEN q.rule = 'tier' THEN billing_price(s.price_micros, q.discount_percent, q.floor_micros)
            ELSE 0 END AS micros,
       q.rule
  FROM billing_month(%(business_id)s, %(at)s) h
 CROSS JOIN LATERAL billing_market(%(wa_id)s, h.month) p
 CROSS JOIN unnest(%(categories)s::text[]) AS c (category)
 CROSS JOIN LATERAL billing_question(
            %(business_id)s, h.month, p.market, c.category, %(window_open)s, false,
            billing_entry_hours(false, %(at)s, %(free_entry_at)s)) q
  LEFT JOIN LATERAL billing_steps(q.rate_id, q.taken + 1, q.taken + 1) s ON true
 WHERE q.rule <> 'tier' OR s.tier_id IS NOT NULL
