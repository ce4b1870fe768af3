-- Promises: what one message to one number would cost if it were sent now, a row a category that has a price there, with
-- the rule that makes it free, empty where none does: the price of the next position on the ladder, as metering would say it.
-- Free messages per number are not reckoned with: the price is the most.
WITH here AS MATERIALIZED (
    SELECT z.id, z.currency,
           coalesce((SELECT p.month FROM billing_period p
                      WHERE p.business_id = z.id AND %(at)s >= p.starts_at AND %(at)s < p.ends_at),
                    date_trunc('month', %(at)s AT TIME ZONE z.timezone)::date) AS month
      FROM accounts_business z WHERE z.id = %(business_id)s
), placed AS MATERIALIZED (
    SELECT h.*, coalesce((SELECT k.market_id FROM billing_callingcode k
                           WHERE %(wa_id)s LIKE k.prefix || '%%' AND daterange(k.valid_from, k.valid_to) @> h.month
                           ORDER BY length(k.prefix) DESC LIMIT 1), 'Other') AS market
      FROM here h
)
SELECT DISTINCT ON (r.category) r.category, h.market,
       billing_price(t.price_micros, coalesce(choice.discount_percent, 0), card.floor_micros) AS micros,
       CASE WHEN %(free_entry_at)s::timestamptz + v.free_entry_hours * interval '1 hour' > %(at)s THEN 'free_entry'
            WHEN r.category = 'service' AND %(window_open)s AND v.service_free_in_window THEN 'window'
            WHEN r.category = 'utility' AND %(window_open)s AND v.utility_free_in_window THEN 'window'
            ELSE '' END AS free_by
  FROM placed h
  LEFT JOIN billing_cardchoice choice
    ON choice.business_id = h.id AND daterange(choice.valid_from, choice.valid_to) @> h.month
  JOIN billing_ratecard card
    ON card.id = choice.card_id OR (choice.card_id IS NULL AND card.is_default AND card.currency = h.currency)
  JOIN billing_cardversion v
    ON v.card_id = card.id AND v.state <> 'draft' AND daterange(v.valid_from, v.valid_to) @> h.month
  JOIN billing_rate r ON r.version_id = v.id AND r.market_id = h.market
  LEFT JOIN billing_tally y
    ON y.business_id = h.id AND y.month = h.month AND y.market = h.market AND y.category = r.category AND y.rule = 'tier'
  JOIN billing_tier t ON t.rate_id = r.id AND int8range(t.first, t.last, '[]') @> coalesce(y.positions, 0) + 1
 ORDER BY r.category
