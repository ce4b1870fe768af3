-- Promises: per business that follows the card, what one month's messages cost as charged, and what
-- they would cost under another version of it. A graduated price is a function of the counts, so
-- the tallies are enough: of the ledger only reversals, whose messages cost nothing under either
-- version and whose positions stay taken, and messages with a reported price, which counts where the
-- other version takes such. Failed messages count only if the other version charges them; those that
-- were not charged are not known. What a rule made free stays free.
-- `unpriced` counts messages for which the other version has no rate.
WITH other AS MATERIALIZED (
    SELECT v.id, v.failed_charged, v.floor_micros, v.reported_prices, k.currency
      FROM billing_cardversion v JOIN billing_ratecard k ON k.id = v.card_id
     WHERE v.id = %(version_id)s
), followers AS MATERIALIZED (
    SELECT z.id AS business_id, t.country, t.discount_percent, o.floor_micros
      FROM other o
     CROSS JOIN accounts_business z
     CROSS JOIN LATERAL billing_terms(z.id, %(month)s) t
     WHERE t.card_id = %(card_id)s
       AND (%(businesses)s::bigint[] IS NULL OR z.id = ANY (%(businesses)s::bigint[]))
), reversed AS MATERIALIZED (
    SELECT c.business_id, c.market, c.category, c.rule, c.position
      FROM billing_charge c JOIN followers f USING (business_id)
     WHERE c.month = %(month)s AND c.reverses_id IS NOT NULL
       AND billing_ladder(c.rule) = 'tier'
), failed AS MATERIALIZED (
    -- Positions that failed messages took, the reversed ones with them.
    SELECT business_id, market, category, sum(messages) AS messages
      FROM (SELECT u.business_id, u.market, u.category, u.messages FROM billing_usage u
             WHERE u.month = %(month)s AND u.rule = 'failed'
            UNION ALL
            SELECT r.business_id, r.market, r.category, 1 FROM reversed r WHERE r.rule = 'failed') n
     WHERE NOT (SELECT o.failed_charged FROM other o)
     GROUP BY 1, 2, 3
), counted AS MATERIALIZED (
    SELECT y.business_id, y.market, y.category,
           y.positions - coalesce(n.messages, 0)::bigint AS positions, f.country,
           f.discount_percent, f.floor_micros
      FROM billing_tally y
      JOIN followers f USING (business_id)
      LEFT JOIN failed n USING (business_id, market, category)
     WHERE y.month = %(month)s AND y.rule = 'tier'
), rates AS MATERIALIZED (
    SELECT k.market, k.category, k.country, r.rate_id
      FROM (SELECT DISTINCT market, category, country FROM counted) k
     CROSS JOIN LATERAL billing_rate_of(
            %(version_id)s, k.market,
            CASE k.category WHEN 'authentication-international' THEN 'authentication'
                ELSE k.category END,
            k.country, %(month)s) r
), ladders AS MATERIALIZED (
    SELECT c.*, r.rate_id FROM counted c LEFT JOIN rates r USING (market, category, country)
), moved AS MATERIALIZED (
    -- Where a reversed message would stand: failed ones before it that the other version does not
    -- charge take no place.
    SELECT r.business_id, r.market, r.category,
           r.position - CASE WHEN o.failed_charged THEN 0 ELSE
               (SELECT count(*) FROM billing_charge x
                 WHERE x.business_id = r.business_id AND x.month = %(month)s AND x.market = r.market
                   AND x.category = r.category AND x.rule = 'failed' AND x.position < r.position
                   AND x.reverses_id IS NULL) END AS position
      FROM reversed r CROSS JOIN other o
     WHERE r.rule <> 'failed' OR o.failed_charged
), taken_back AS (
    SELECT l.business_id, l.market, l.category, count(*) AS messages,
           sum(billing_price(s.price_micros, l.discount_percent, l.floor_micros)) AS amount
      FROM moved m
      JOIN ladders l USING (business_id, market, category)
      LEFT JOIN LATERAL billing_steps(l.rate_id, m.position, m.position) s ON true
     GROUP BY 1, 2, 3
), reported AS MATERIALIZED (
    -- Marketing messages for which the network reported a price in time, and where they would stand.
    SELECT c.business_id, c.market, c.category, n.price_micros AS reported,
           c.position - CASE WHEN o.failed_charged THEN 0 ELSE
               (SELECT count(*) FROM billing_charge x
                 WHERE x.business_id = c.business_id AND x.month = %(month)s AND x.market = c.market
                   AND x.category = c.category AND x.rule = 'failed' AND x.position < c.position
                   AND x.reverses_id IS NULL) END AS position
      FROM other o
      JOIN followers f ON o.reported_prices
      JOIN hosting_reportedprice n
        ON n.business_id = f.business_id AND NOT n.is_late AND n.currency = o.currency
      JOIN billing_charge c ON c.business_id = n.business_id AND c.message_id = n.message_id
       AND c.reverses_id IS NULL AND c.month = %(month)s AND c.category = 'marketing'
       AND c.rule IN ('tier', 'reported')
     WHERE NOT EXISTS (SELECT FROM billing_charge b
                        WHERE b.message_id = c.message_id AND b.reverses_id = c.id)
), taken_off AS (
    SELECT x.business_id, x.market, x.category,
           sum(x.price - billing_reported(x.price, x.reported, x.floor_micros)) AS amount
      FROM (SELECT r.*, l.floor_micros,
                   billing_price(s.price_micros, l.discount_percent, l.floor_micros) AS price
              FROM reported r
              JOIN ladders l USING (business_id, market, category)
              LEFT JOIN LATERAL billing_steps(l.rate_id, r.position, r.position) s ON true) x
     GROUP BY 1, 2, 3
), would_be AS (
    SELECT l.business_id,
           sum(l.positions - coalesce(b.messages, 0)) FILTER (WHERE l.rate_id IS NULL) AS unpriced,
           sum(c.amount - coalesce(b.amount, 0) - coalesce(d.amount, 0)) AS amount
      FROM ladders l
      LEFT JOIN taken_back b USING (business_id, market, category)
      LEFT JOIN taken_off d USING (business_id, market, category)
     CROSS JOIN LATERAL (
            SELECT sum(s.positions * billing_price(s.price_micros, l.discount_percent,
                                                   l.floor_micros)) AS amount
              FROM billing_steps(l.rate_id, 1, l.positions) s) c
     GROUP BY 1
), charged AS (
    SELECT u.business_id, sum(u.messages) AS messages, sum(u.amount_micros) AS amount
      FROM billing_usage u
      JOIN followers f USING (business_id)
     WHERE u.month = %(month)s AND NOT billing_is_test(u.rule)
     GROUP BY 1
)
SELECT c.business_id, c.messages::bigint, c.amount::bigint AS charged_micros,
       coalesce(w.amount, 0)::bigint AS would_be_micros, coalesce(w.unpriced, 0)::bigint AS unpriced
  FROM charged c
  LEFT JOIN would_be w USING (business_id)
 ORDER BY c.business_id
