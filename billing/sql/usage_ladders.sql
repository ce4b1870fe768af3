-- Promises: for each market and category used in the month, the tier that the next message falls
-- into and the one after.
SELECT y.market, y.category, y.positions,
       billing_price(here.price_micros, t.discount_percent, t.floor_micros) AS price_micros,
       beyond.first AS next_first,
       billing_price(beyond.price_micros, t.discount_percent, t.floor_micros) AS next_price_micros
  FROM billing_terms(%(business_id)s, %(month)s) t
  JOIN billing_tally y ON y.business_id = %(business_id)s AND y.month = %(month)s
      AND y.rule = 'tier'
  JOIN billing_rate r ON r.version_id = t.version_id AND r.market_id = y.market
      AND r.category = y.category
 CROSS JOIN LATERAL billing_steps(r.id, y.positions + 1, y.positions + 1) here
  LEFT JOIN LATERAL billing_steps(r.id, here.last + 1, here.last + 1) beyond ON true
 ORDER BY y.positions DESC, y.market, y.category
