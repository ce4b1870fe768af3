-- Promises: per business that follows the card, what one month's messages cost as charged, and what they would cost
-- under another version of it. A graduated price is a function of the counts, so the tallies are enough: no ledger row
-- is read. Failed messages count only if the other version charges them; those that were not charged are not known.
-- `unpriced` counts messages for which the other version has no rate.
WITH followers AS (
    SELECT z.id AS business_id, coalesce(choice.discount_percent, 0) AS discount_percent, card.floor_micros
      FROM accounts_business z
      LEFT JOIN billing_cardchoice choice
        ON choice.business_id = z.id
       AND choice.valid_from <= %(month)s AND (choice.valid_to IS NULL OR choice.valid_to > %(month)s)
      LEFT JOIN billing_ratecard standard ON standard.is_default AND standard.currency = z.currency
      JOIN billing_ratecard card ON card.id = %(card_id)s AND card.id = coalesce(choice.card_id, standard.id)
     WHERE %(businesses)s::bigint[] IS NULL OR z.id = ANY (%(businesses)s::bigint[])
), failed AS (
    SELECT u.business_id, u.market, u.category, sum(u.messages) AS messages
      FROM billing_usage u
      JOIN billing_cardversion v ON v.id = %(version_id)s AND NOT v.failed_charged
     WHERE u.month = %(month)s AND u.rule = 'failed'
     GROUP BY 1, 2, 3
), counted AS (
    SELECT t.business_id, t.market, t.category, t.positions - coalesce(n.messages, 0) AS positions, f.discount_percent,
           f.floor_micros
      FROM billing_tally t
      JOIN followers f USING (business_id)
      LEFT JOIN failed n USING (business_id, market, category)
     WHERE t.month = %(month)s AND t.rule = 'tier'
), would_be AS (
    SELECT c.business_id, sum(c.positions) FILTER (WHERE r.id IS NULL) AS unpriced,
           sum(p.amount) AS amount
      FROM counted c
      LEFT JOIN billing_rate r
        ON r.version_id = %(version_id)s AND r.market_id = c.market AND r.category = c.category
      LEFT JOIN LATERAL (
            SELECT sum((least(c.positions, coalesce(t.last, c.positions)) - t.first + 1)
                       * billing_price(t.price_micros, c.discount_percent, c.floor_micros)) AS amount
              FROM billing_tier t
             WHERE t.rate_id = r.id AND t.first <= c.positions) p ON true
     GROUP BY c.business_id
), charged AS (
    SELECT u.business_id, sum(u.messages) AS messages, sum(u.amount_micros) AS amount
      FROM billing_usage u
      JOIN followers f USING (business_id)
     WHERE u.month = %(month)s
     GROUP BY u.business_id
)
SELECT c.business_id, c.messages::bigint, c.amount::bigint, coalesce(w.amount, 0)::bigint,
       coalesce(w.unpriced, 0)::bigint
  FROM charged c
  LEFT JOIN would_be w USING (business_id)
 ORDER BY c.business_id
