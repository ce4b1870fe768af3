-- Promises: the card version, agreement and discount that hold for a business in a month; no row
-- where no card holds.
SELECT t.version_id, t.agreed_id, t.discount_percent
    FROM billing_terms(%(business_id)s, %(month)s) t
