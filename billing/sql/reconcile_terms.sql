-- Promises: every business and month whose charges are priced by another version than that of its
-- card in force: the card chosen for it, else the default card of the month's currency; or by a card
-- of another currency. A second derivation on purpose.
WITH used AS MATERIALIZED (
    SELECT c.business_id, c.month, c.version_id, count(*) AS charges, min(c.id) AS first
      FROM billing_charge c
     WHERE c.reverses_id IS NULL AND (%(month)s::date IS NULL OR c.month = %(month)s)
     GROUP BY 1, 2, 3
)
SELECT u.business_id, format('%%s charges of %%s, the first %%s, terms', u.charges, u.month, u.first),
       format('version %%s in %%s', right_one.id, p.currency),
       format('version %%s in %%s', u.version_id, k.currency)
  FROM used u
  LEFT JOIN billing_period p ON p.business_id = u.business_id AND p.month = u.month
  LEFT JOIN billing_cardversion v ON v.id = u.version_id
  LEFT JOIN billing_ratecard k ON k.id = v.card_id
  LEFT JOIN billing_cardchoice choice
    ON choice.business_id = u.business_id
   AND daterange(choice.valid_from, choice.valid_to) @> u.month
  LEFT JOIN LATERAL (
        SELECT w.id FROM billing_cardversion w
         WHERE w.state <> 'draft' AND daterange(w.valid_from, w.valid_to) @> u.month
           AND w.card_id = coalesce(choice.card_id, (
                   SELECT (array_agg(d.card_id ORDER BY d.valid_from DESC))[1]
                     FROM billing_defaultcard d
                    WHERE d.currency = p.currency AND d.valid_from <= u.month))
         LIMIT 1) right_one ON true
 WHERE right_one.id IS DISTINCT FROM u.version_id OR k.currency IS DISTINCT FROM p.currency
 ORDER BY 1, 2
