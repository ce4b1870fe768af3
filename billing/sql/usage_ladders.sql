-- Promises: for each market and category used in the month, the tier that the next message falls into and the one after.
SELECT t.market, t.category, t.positions,
       billing_price(now_tier.price_micros, coalesce(choice.discount_percent, 0), card.floor_micros), next_tier.first,
       billing_price(next_tier.price_micros, coalesce(choice.discount_percent, 0), card.floor_micros)
  FROM billing_tally t
  JOIN accounts_business z ON z.id = t.business_id
  LEFT JOIN billing_cardchoice choice
    ON choice.business_id = t.business_id
   AND choice.valid_from <= t.month AND (choice.valid_to IS NULL OR choice.valid_to > t.month)
  LEFT JOIN billing_ratecard standard ON standard.is_default AND standard.currency = z.currency
  JOIN billing_ratecard card ON card.id = coalesce(choice.card_id, standard.id)
  JOIN billing_cardversion v
    ON v.card_id = card.id AND v.state <> 'draft'
   AND v.valid_from <= t.month AND (v.valid_to IS NULL OR v.valid_to > t.month)
  JOIN billing_rate r ON r.version_id = v.id AND r.market_id = t.market AND r.category = t.category
  JOIN billing_tier now_tier
    ON now_tier.rate_id = r.id AND now_tier.first <= t.positions + 1
   AND (now_tier.last IS NULL OR now_tier.last >= t.positions + 1)
  LEFT JOIN billing_tier next_tier ON next_tier.rate_id = r.id AND next_tier.first = now_tier.last + 1
 WHERE t.business_id = %(business_id)s AND t.month = %(month)s AND t.rule = 'tier'
 ORDER BY t.positions DESC, t.market, t.category
