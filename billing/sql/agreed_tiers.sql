-- Promises: every tier of one market under a version, with the price on the list and the price after the discount agreed,
-- as metering reckons it, and whether the business's next message of the month falls into it.
SELECT r.category, t.first, t.last, t.price_micros, billing_price(t.price_micros, %(discount)s, %(floor)s),
       coalesce(y.positions, 0) + 1 >= t.first AND (t.last IS NULL OR coalesce(y.positions, 0) + 1 <= t.last)
  FROM billing_rate r
  JOIN billing_tier t ON t.rate_id = r.id
  LEFT JOIN billing_tally y
    ON y.business_id = %(business_id)s AND y.month = %(month)s AND y.market = r.market_id AND y.category = r.category
   AND y.rule = 'tier'
 WHERE r.version_id = %(version_id)s AND r.market_id = %(market)s
 ORDER BY r.category, t.first
