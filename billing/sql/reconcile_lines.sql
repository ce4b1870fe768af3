-- Promises: every message line of a live invoice that is not its row of the ledger: count, price or
-- exact amount; every line whose amount in minor units is a whole one off its exact amount; every
-- invoice whose subtotal is not its lines' exact sum, rounded half-even once; and every credit note
-- whose lines do not add up to it.
WITH ledger AS MATERIALIZED (
    SELECT business_id, billed_month, month, market, category, rule, version_id,
           coalesce(tier_id, 0) AS tier_id,
           sum(CASE WHEN reverses_id IS NULL THEN 1 ELSE -1 END) AS messages,
           sum(price_micros) AS amount
      FROM billing_charge
     WHERE %(month)s::date IS NULL OR billed_month = %(month)s
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), live AS MATERIALIZED (
    SELECT i.id, i.business_id, coalesce(i.number, 'draft ' || i.id) AS number, i.currency, p.month,
           i.subtotal_minor, (1000000 / power(10, CASE
               WHEN i.currency IN ('JPY', 'KRW', 'VND', 'CLP', 'ISK', 'UGX', 'PYG', 'XAF', 'XOF',
                                   'XPF', 'RWF', 'KMF', 'GNF', 'DJF', 'BIF', 'VUV') THEN 0
               WHEN i.currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
               ELSE 2 END))::bigint AS unit
      FROM billing_invoice i JOIN billing_period p ON p.id = i.period_id
     WHERE i.status <> 'void' AND (%(month)s::date IS NULL OR p.month = %(month)s)
)
SELECT i.business_id, format('invoice %%s, line %%s', i.number, l.position),
       format('%%s messages, %%s micros', coalesce(g.messages, 0), coalesce(g.amount, 0)),
       format('%%s messages, %%s micros', l.quantity, l.amount_micros)
  FROM live i
  JOIN billing_invoiceline l ON l.invoice_id = i.id AND l.kind IN ('messages', 'late')
  LEFT JOIN ledger g
    ON g.business_id = i.business_id AND g.billed_month = i.month AND g.month = l.month
   AND g.market = l.market AND g.category = l.category AND g.rule = l.rule
   AND g.version_id = l.version_id AND g.tier_id = coalesce(l.tier_id, 0)
 WHERE (coalesce(g.messages, 0), coalesce(g.amount, 0)) <> (l.quantity, l.amount_micros)
UNION ALL
SELECT i.business_id, format('invoice %%s, line %%s, rounding', i.number, l.position),
       'less than 1 off ' || l.amount_micros || ' micros', l.amount_minor::text
  FROM live i JOIN billing_invoiceline l ON l.invoice_id = i.id
 WHERE abs(l.amount_minor * i.unit - l.amount_micros) >= i.unit
UNION ALL
SELECT i.business_id, format('invoice %%s, sum of its lines', i.number),
       format('%%s micros, rounded half-even', s.exact), i.subtotal_minor::text
  FROM live i
 CROSS JOIN LATERAL (SELECT coalesce(sum(l.amount_micros), 0) AS exact
                       FROM billing_invoiceline l WHERE l.invoice_id = i.id) s
 WHERE abs(2 * (i.subtotal_minor * i.unit - s.exact)) > i.unit
    OR (abs(2 * (i.subtotal_minor * i.unit - s.exact)) = i.unit AND i.subtotal_minor %% 2 <> 0)
UNION ALL
SELECT n.business_id, 'credit note ' || n.number || ', sum of its lines',
       coalesce(s.amount, 0)::text, n.subtotal_minor::text
  FROM billing_creditnote n
 CROSS JOIN LATERAL (SELECT sum(l.amount_minor) AS amount FROM billing_creditnoteline l
                      WHERE l.credit_note_id = n.id) s
 WHERE coalesce(s.amount, 0) <> n.subtotal_minor
   AND (%(month)s::date IS NULL OR date_trunc('month', n.issued_on)::date = %(month)s)
 ORDER BY 1, 2
