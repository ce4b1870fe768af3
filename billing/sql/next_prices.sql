-- Promises: what one message of a number to one recipient would cost if it were sent now, a row a
-- category that has a price there or is free, with the rule that makes it free ('tier' where none
-- does): the price of the next position on the ladder, as metering would say it.
SELECT c.category, p.market, m.currency,
       CASE WHEN q.rule <> 'tier' OR x.is_allowed THEN 0
            ELSE billing_price(s.price_micros, q.discount_percent, q.floor_micros) END AS micros,
       CASE WHEN x.is_allowed THEN 'allowance' ELSE q.rule END AS rule
  FROM billing_month(%(business_id)s, %(at)s) h
 CROSS JOIN LATERAL billing_currency(%(business_id)s, h.month) m
 CROSS JOIN LATERAL billing_market(%(wa_id)s, h.month) p
 CROSS JOIN unnest(%(categories)s::text[]) AS c (category)
 CROSS JOIN LATERAL billing_question(
            %(business_id)s, h.month, p.market, c.category, %(window_open)s, false,
            billing_entry_hours(false, %(at)s, %(free_entry_at)s)) q
 CROSS JOIN LATERAL billing_allowance(%(business_id)s, %(number_id)s, h.month) a
 CROSS JOIN LATERAL (
        SELECT billing_is_allowed(q.rule, q.category, q.free_messages, a.messages) AS is_allowed) x
  LEFT JOIN LATERAL billing_steps(q.rate_id, q.taken + 1, q.taken + 1) s ON true
 WHERE q.rule <> 'tier' OR s.tier_id IS NOT NULL
