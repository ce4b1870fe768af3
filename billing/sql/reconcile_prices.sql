-- Promises: every charge whose price is not what its card version says for its market, category and
-- position, less the discount agreed for its month, halves rounded to even; failed messages cost
-- the same, where the card charges them; what is charged as reported is what the network said,
-- between the floor and that price; free rules cost nothing; a reversal is the exact opposite.
-- A second derivation on purpose: it calls none of the functions in schema/pricing_rules.sql, so
-- that an error in them shows here.
SELECT c.business_id, 'charge ' || c.id, coalesce(e.price::text, 'no price'), c.price_micros::text
  FROM billing_charge c
  LEFT JOIN billing_charge original ON original.id = c.reverses_id
  LEFT JOIN billing_cardversion v ON v.id = c.version_id
  LEFT JOIN hosting_reportedprice n ON n.business_id = c.business_id AND n.message_id = c.message_id
  LEFT JOIN billing_cardchoice choice
    ON choice.business_id = c.business_id
   AND daterange(choice.valid_from, choice.valid_to) @> c.month
  LEFT JOIN billing_rate r ON r.version_id = c.version_id AND r.market_id = c.market
      AND r.category = c.category
  LEFT JOIN billing_tier t
    ON t.rate_id = r.id AND int8range(t.first, t.last, '[]') @> c.position
   AND (c.rule IN ('tier', 'reported', 'test') OR (c.rule = 'failed' AND v.failed_charged))
 CROSS JOIN LATERAL (
        SELECT t.price_micros * (100 - coalesce(choice.discount_percent, 0)) / 100 AS exact) x
 CROSS JOIN LATERAL (
        SELECT CASE WHEN c.rule NOT IN ('tier', 'reported', 'failed', 'test') THEN 0
                    WHEN coalesce(choice.discount_percent, 0) = 0 THEN t.price_micros
                    ELSE greatest(v.floor_micros,
                                  CASE WHEN x.exact - trunc(x.exact) = 0.5
                                            AND trunc(x.exact)::bigint %% 2 = 0
                                       THEN trunc(x.exact)::bigint
                                       ELSE round(x.exact)::bigint END) END AS price) own
 CROSS JOIN LATERAL (
        SELECT CASE WHEN c.reverses_id IS NOT NULL THEN -original.price_micros
                    WHEN c.rule = 'reported' AND n.price_micros < v.floor_micros
                    THEN v.floor_micros
                    WHEN c.rule = 'reported' AND n.price_micros < own.price THEN n.price_micros
                    ELSE own.price END AS price) e
 WHERE (%(month)s::date IS NULL OR c.month = %(month)s) AND e.price IS DISTINCT FROM c.price_micros
 ORDER BY c.business_id, c.id
