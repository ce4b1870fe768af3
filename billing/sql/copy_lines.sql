-- Promises: the invoice's message lines are the rollup rows of its month, those of live or those of
-- test numbers, one to one, in a fixed
-- order: so many lines, however many messages. Late usage of an earlier month is a line of its own.
-- Amounts are exact; round_lines.sql sets those in minor units. Tax is that of the line's month:
-- `taxes` is {month: [category, percent]}.
WITH ordered AS (
    SELECT u.*, t.first, t.last, row_number() OVER lines AS position
      FROM billing_usage u
      LEFT JOIN billing_tier t ON t.id = u.tier_id
     WHERE u.business_id = %(business_id)s AND u.billed_month = %(month)s AND u.messages <> 0
       AND billing_is_test(u.rule) = %(is_test)s
    WINDOW lines AS (ORDER BY u.month < u.billed_month, u.month, u.market, u.category, u.rule,
                              t.first, u.id)
)
INSERT INTO billing_invoiceline
    (invoice_id, business_id, position, kind, description, month, market, category, rule,
     version_id, tier_id, tier_first, tier_last, quantity, unit_price_micros, amount_micros,
     amount_minor, tax_category, tax_percent)
SELECT %(invoice_id)s, u.business_id, %(after)s + u.position,
       CASE WHEN u.month < u.billed_month THEN 'late' ELSE 'messages' END,
       initcap(u.category) || ' messages to ' || u.market
           || CASE u.rule WHEN 'tier' THEN '' WHEN 'failed' THEN ', failed'
                   WHEN 'test' THEN ', test' WHEN 'reported' THEN ', as reported'
                   ELSE ', free of charge' END
           || CASE WHEN u.month < u.billed_month
                   THEN ', delivered in ' || to_char(u.month, 'YYYY-MM') ELSE '' END,
       u.month, u.market, u.category, u.rule, u.version_id, nullif(u.tier_id, 0), u.first, u.last,
       u.messages, u.price_micros, u.amount_micros, 0,
       %(taxes)s::jsonb -> u.month::text ->> 0,
       (%(taxes)s::jsonb -> u.month::text ->> 1)::numeric
  FROM ordered u
