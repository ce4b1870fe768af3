-- Promises: every charge whose market is not that of the longest calling code of its recipient in
-- its month, by the recipient's present number or a former one. Recipients erased since have no
-- number and are left out. A second derivation on purpose: it calls none of the functions in
-- schema/pricing_rules.sql.
WITH sent AS MATERIALIZED (
    SELECT c.id, c.business_id, c.month, c.market, p.id AS contact_id, p.wa_id
      FROM billing_charge c
      JOIN hosting_message m ON m.business_id = c.business_id AND m.id = c.message_id
      JOIN hosting_contact p ON p.business_id = m.business_id AND p.id = m.contact_id
     WHERE p.wa_id ~ '^[0-9]+$' AND (%(month)s::date IS NULL OR c.month = %(month)s)
), beginnings AS MATERIALIZED (
    SELECT DISTINCT left(wa_id, 7) AS digits, month FROM sent
), named AS MATERIALIZED (
    SELECT b.digits, b.month, coalesce(k.market, 'Other') AS market
      FROM beginnings b
      LEFT JOIN LATERAL (
            SELECT k.market_id AS market FROM billing_callingcode k
             WHERE starts_with(b.digits, k.prefix)
               AND daterange(k.valid_from, k.valid_to) @> b.month
             ORDER BY length(k.prefix) DESC LIMIT 1) k ON true
)
SELECT s.business_id, 'charge ' || s.id || ', market', n.market, s.market
  FROM sent s JOIN named n ON n.digits = left(s.wa_id, 7) AND n.month = s.month
 WHERE n.market <> s.market
   AND NOT EXISTS (SELECT FROM hosting_formernumber f
                     JOIN billing_callingcode k ON starts_with(f.wa_id, k.prefix)
                    WHERE f.business_id = s.business_id AND f.contact_id = s.contact_id
                      AND k.market_id = s.market)
 ORDER BY 1, s.id
