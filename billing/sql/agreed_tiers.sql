-- Promises: every tier of one market under the terms of a month, with the price on the list and the
-- price after the discount agreed, and whether the business's next message of the month falls into
-- it.
SELECT r.category, t.first, t.last, t.price_micros AS list_micros,
       billing_price(t.price_micros, a.discount_percent, a.floor_micros) AS price_micros,
       y.next >= t.first AND (t.last IS NULL OR y.next <= t.last) AS is_next
  FROM billing_terms(%(business_id)s, %(month)s) a
  JOIN billing_rate r ON r.version_id = a.version_id AND r.market_id = %(market)s
  JOIN billing_tier t ON t.rate_id = r.id
 CROSS JOIN LATERAL (
        SELECT 1 + coalesce((SELECT y.positions FROM billing_tally y
                              WHERE y.business_id = %(business_id)s AND y.month = %(month)s
                                AND y.market = r.market_id AND y.category = r.category
                                    AND y.rule = 'tier'), 0) AS next) y
 ORDER BY r.category, t.first
