-- Promises: what messages of one category would cost if they were delivered now, beginning at the
-- business's present place on the ladder of each market: a row for each market and tier that they
-- reach, with its price after the discount and how many fall into it; price NULL where the card has
-- no rate. No window counts as open and no free messages are left, so it is the most they can cost.
WITH placed AS MATERIALIZED (
    SELECT h.month, m.market, sum(p.messages)::bigint AS messages
      FROM billing_month(%(business_id)s, %(at)s) h
     CROSS JOIN unnest(%(prefixes)s::text[], %(counts)s::bigint[]) AS p (prefix, messages)
     CROSS JOIN LATERAL billing_market(p.prefix, h.month) m
     GROUP BY 1, 2
)
SELECT p.market, coalesce(q.category, %(category)s) AS category, coalesce(q.taken, 0) AS positions,
       s.first AS tier_first, s.last AS tier_last,
       billing_price(s.price_micros, q.discount_percent, q.floor_micros) AS price_micros,
       coalesce(s.positions, p.messages) AS messages
  FROM placed p
  LEFT JOIN LATERAL billing_question(%(business_id)s, p.month, p.market, %(category)s, false,
                                     false, NULL) q ON true
  LEFT JOIN LATERAL billing_steps(q.rate_id, q.taken + 1, q.taken + p.messages) s ON true
 ORDER BY p.messages DESC, p.market, s.first
