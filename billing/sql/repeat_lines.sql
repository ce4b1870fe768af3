-- Promises: the new invoice has the lines of the one it replaces, one to one, taxed anew by the month of
-- each: `taxes` is {month: [category, percent]}. round_lines.sql sets the amounts in minor units.
INSERT INTO billing_invoiceline
    (invoice_id, business_id, position, kind, description, month, market, category, rule,
     version_id, tier_id, tier_first, tier_last, quantity, unit_price_micros, amount_micros,
     amount_minor, tax_category, tax_percent)
SELECT %(invoice_id)s, business_id, position, kind, description, month, market, category, rule,
       version_id, tier_id, tier_first, tier_last, quantity, unit_price_micros, amount_micros,
       0, %(taxes)s::jsonb -> month::text ->> 0,
       (%(taxes)s::jsonb -> month::text ->> 1)::numeric
  FROM billing_invoiceline
 WHERE invoice_id = %(replaced_id)s
