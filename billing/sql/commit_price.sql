-- Promises: what one message about to be sent will cost at most by the price of the next position, and, where the month's
-- charges, the open commitments and this price stay within the limit, a commitment for it. Run it while the cap's row is
-- locked and as a statement of its own, so that it sees what the last sender has committed. Free messages per number are
-- not reckoned with: such a message counts until it is delivered.
WITH here AS MATERIALIZED (
    SELECT z.id, z.country, z.currency, c.wa_id,
           coalesce((SELECT p.month FROM billing_period p
                      WHERE p.business_id = z.id AND %(at)s >= p.starts_at AND %(at)s < p.ends_at),
                    date_trunc('month', %(at)s AT TIME ZONE z.timezone)::date) AS month
      FROM accounts_business z
      JOIN hosting_contact c ON c.business_id = z.id AND c.id = %(contact_id)s
     WHERE z.id = %(business_id)s
), placed AS MATERIALIZED (
    SELECT h.*, coalesce((SELECT k.market_id FROM billing_callingcode k
                           WHERE h.wa_id LIKE k.prefix || '%%' AND daterange(k.valid_from, k.valid_to) @> h.month
                           ORDER BY length(k.prefix) DESC LIMIT 1), 'Other') AS market
      FROM here h
), next_price AS (
    SELECT max(billing_price(t.price_micros, coalesce(choice.discount_percent, 0), card.floor_micros)) AS micros
      FROM placed h
      LEFT JOIN billing_cardchoice choice
        ON choice.business_id = h.id AND daterange(choice.valid_from, choice.valid_to) @> h.month
      JOIN billing_ratecard card
        ON card.id = choice.card_id
        OR (choice.card_id IS NULL AND card.is_default AND card.currency = h.currency)
      JOIN billing_cardversion v
        ON v.card_id = card.id AND v.state <> 'draft' AND daterange(v.valid_from, v.valid_to) @> h.month
      JOIN billing_rate r
        ON r.version_id = v.id AND r.market_id = h.market
       AND (r.category = %(category)s
            OR (%(category)s = 'authentication' AND r.category = 'authentication-international'))
      LEFT JOIN billing_tally y
        ON y.business_id = h.id AND y.month = h.month AND y.market = h.market AND y.category = r.category
       AND y.rule = 'tier'
      JOIN billing_tier t ON t.rate_id = r.id AND int8range(t.first, t.last, '[]') @> coalesce(y.positions, 0) + 1
     WHERE NOT (%(category)s = 'service' AND %(window_open)s AND v.service_free_in_window)
       AND NOT (%(category)s = 'utility' AND %(window_open)s AND v.utility_free_in_window)
       AND NOT (%(kind)s = 'reaction' AND v.reactions_free)
), books AS (
    SELECT coalesce(n.micros, 0) AS price,
           coalesce((SELECT sum(u.amount_micros) FROM billing_usage u
                      WHERE u.business_id = h.id AND u.billed_month = h.month), 0) AS spent,
           coalesce((SELECT sum(k.price_micros) FROM billing_commitment k WHERE k.business_id = h.id), 0) AS committed
      FROM placed h CROSS JOIN next_price n
), made AS (
    INSERT INTO billing_commitment (business_id, number_id, wamid, price_micros, created_at)
    SELECT %(business_id)s, %(number_id)s, %(wamid)s, price, now()
      FROM books WHERE price > 0 AND spent + committed + price <= %(limit)s
    RETURNING 1
)
SELECT price = 0 OR EXISTS (SELECT FROM made), price::bigint, spent::bigint, committed::bigint FROM books
