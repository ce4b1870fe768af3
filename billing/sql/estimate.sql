-- Promises: what messages of one category would cost if they were delivered now, beginning at the business's present place
-- on the ladder of each market: a row for each market and tier that they reach, with its price after the discount and how
-- many fall into it; price NULL where the card has no rate. No window counts as open, so it is the most they can cost.
WITH here AS MATERIALIZED (
    SELECT z.id, z.country, z.currency,
           coalesce((SELECT p.month FROM billing_period p
                      WHERE p.business_id = z.id AND %(at)s >= p.starts_at AND %(at)s < p.ends_at),
                    date_trunc('month', %(at)s AT TIME ZONE z.timezone)::date) AS month
      FROM accounts_business z WHERE z.id = %(business_id)s
), codes AS MATERIALIZED (
    SELECT c.prefix, c.market_id AS market, c.country
      FROM here h JOIN billing_callingcode c ON c.valid_from <= h.month AND (c.valid_to IS NULL OR c.valid_to > h.month)
), terms AS MATERIALIZED (
    SELECT v.id AS version_id, coalesce(choice.discount_percent, 0) AS discount_percent, card.floor_micros,
           (SELECT k.market FROM codes k WHERE k.country = h.country ORDER BY length(k.prefix), k.prefix LIMIT 1) AS home
      FROM here h
      LEFT JOIN billing_cardchoice choice
        ON choice.business_id = h.id AND daterange(choice.valid_from, choice.valid_to) @> h.month
      JOIN billing_ratecard card
        ON card.id = choice.card_id OR (choice.card_id IS NULL AND card.is_default AND card.currency = h.currency)
      JOIN billing_cardversion v
        ON v.card_id = card.id AND v.state <> 'draft' AND daterange(v.valid_from, v.valid_to) @> h.month
), placed AS MATERIALIZED (
    SELECT coalesce(c7.market, c6.market, c5.market, c4.market, c3.market, c2.market, c1.market, 'Other') AS market,
           sum(p.messages)::bigint AS messages
      FROM unnest(%(prefixes)s::text[], %(counts)s::bigint[]) AS p (prefix, messages)
      LEFT JOIN codes c1 ON c1.prefix = left(p.prefix, 1)
      LEFT JOIN codes c2 ON c2.prefix = left(p.prefix, 2)
      LEFT JOIN codes c3 ON c3.prefix = left(p.prefix, 3)
      LEFT JOIN codes c4 ON c4.prefix = left(p.prefix, 4)
      LEFT JOIN codes c5 ON c5.prefix = left(p.prefix, 5)
      LEFT JOIN codes c6 ON c6.prefix = left(p.prefix, 6)
      LEFT JOIN codes c7 ON c7.prefix = left(p.prefix, 7)
     GROUP BY 1
), rated AS MATERIALIZED (
    SELECT p.market, p.messages, t.discount_percent, t.floor_micros, coalesce(abroad.id, r.id) AS rate_id,
           coalesce(abroad.category, %(category)s) AS category
      FROM placed p
      LEFT JOIN terms t ON true
      LEFT JOIN billing_rate r ON r.version_id = t.version_id AND r.market_id = p.market AND r.category = %(category)s
      LEFT JOIN billing_rate abroad
        ON abroad.category = 'authentication-international' AND %(category)s = 'authentication'
       AND abroad.version_id = t.version_id AND abroad.market_id = p.market AND t.home IS DISTINCT FROM p.market
), standing AS MATERIALIZED (
    SELECT r.*, coalesce(y.positions, 0) AS positions
      FROM rated r CROSS JOIN here h
      LEFT JOIN billing_tally y
        ON y.business_id = h.id AND y.month = h.month AND y.market = r.market AND y.category = r.category
       AND y.rule = 'tier'
)
SELECT s.market, s.category, s.positions, t.first, t.last,
       billing_price(t.price_micros, s.discount_percent, s.floor_micros),
       CASE WHEN t.id IS NULL THEN s.messages
            ELSE least(coalesce(t.last, s.positions + s.messages), s.positions + s.messages)
                 - greatest(t.first, s.positions + 1) + 1 END
  FROM standing s
  LEFT JOIN billing_tier t
    ON t.rate_id = s.rate_id AND t.first <= s.positions + s.messages AND (t.last IS NULL OR t.last > s.positions)
 ORDER BY s.messages DESC, s.market, t.first
