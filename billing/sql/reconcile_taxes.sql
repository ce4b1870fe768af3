-- Promises: every invoice and credit note whose tax is not that of its lines: a rate group whose base
-- is not the sum of the lines with its rate, or whose tax is not the rate of its base, commercially
-- rounded (of several parts, each rounded by itself); a sum of groups that is not the tax; a total
-- that is not subtotal and tax. Of credit notes the tax follows what was credited before, so it may
-- be a minor unit off.
WITH papers AS (
    SELECT i.business_id, 'invoice ' || coalesce(i.number, 'draft ' || i.id) AS paper, i.taxes,
           i.subtotal_minor, i.tax_minor, i.total_minor, 0 AS off, p.month,
           (SELECT jsonb_object_agg(l.key, l.amount) FROM (
                SELECT tax_category || '/' || trim_scale(tax_percent) AS key,
                       sum(amount_minor) AS amount
                  FROM billing_invoiceline WHERE invoice_id = i.id GROUP BY 1) l) AS lines
      FROM billing_invoice i JOIN billing_period p ON p.id = i.period_id
    UNION ALL
    SELECT n.business_id, 'credit note ' || n.number, n.taxes, n.subtotal_minor, n.tax_minor,
           n.total_minor, 1, date_trunc('month', n.issued_on)::date,
           (SELECT jsonb_object_agg(l.key, l.amount) FROM (
                SELECT tax_category || '/' || trim_scale(tax_percent) AS key,
                       sum(amount_minor) AS amount
                  FROM billing_creditnoteline WHERE credit_note_id = n.id GROUP BY 1) l)
      FROM billing_creditnote n
), chosen AS MATERIALIZED (
    SELECT * FROM papers WHERE %(month)s::date IS NULL OR month = %(month)s
), groups AS MATERIALIZED (
    SELECT c.business_id, c.paper, c.off, g.value ->> 'category' AS category,
           (g.value ->> 'percent')::numeric AS percent, (g.value ->> 'base_minor')::bigint AS base,
           (g.value ->> 'tax_minor')::bigint AS tax,
           coalesce((c.lines ->> ((g.value ->> 'category') || '/'
                     || trim_scale((g.value ->> 'percent')::numeric)))::bigint, 0) AS lines,
           CASE WHEN jsonb_typeof(g.value -> 'parts') = 'array'
                THEN greatest(jsonb_array_length(g.value -> 'parts') - 1, 0) ELSE 0 END AS parts
      FROM chosen c CROSS JOIN LATERAL jsonb_array_elements(c.taxes) g
)
SELECT business_id, format('%%s, base of %%s %%s %%%%', paper, category, percent), lines::text,
       base::text
  FROM groups WHERE lines <> base
UNION ALL
SELECT business_id, format('%%s, tax of %%s %%s %%%%', paper, category, percent),
       round(base * percent / 100)::text, tax::text
  FROM groups WHERE abs(tax - round(base * percent / 100)) > off + parts
UNION ALL
SELECT c.business_id, c.paper || ', tax', coalesce(s.tax, 0)::text, c.tax_minor::text
  FROM chosen c
 CROSS JOIN LATERAL (SELECT sum((g.value ->> 'tax_minor')::bigint) AS tax
                       FROM jsonb_array_elements(c.taxes) g) s
 WHERE coalesce(s.tax, 0) <> c.tax_minor
UNION ALL
SELECT business_id, paper || ', total', (subtotal_minor + tax_minor)::text, total_minor::text
  FROM chosen WHERE subtotal_minor + tax_minor <> total_minor
 ORDER BY 1, 2
