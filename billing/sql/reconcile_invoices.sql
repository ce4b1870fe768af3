-- Promises: every live invoice whose message lines do not add up to its month's ledger, or whose
-- subtotal is not the sum of its lines.
SELECT i.business_id, 'invoice ' || i.number || ', messages',
       format('%%s messages, %%s micros', coalesce(l.messages, 0), coalesce(l.amount, 0)),
       format('%%s messages, %%s micros', coalesce(s.quantity, 0), coalesce(s.amount, 0))
  FROM billing_invoice i
  JOIN billing_period p ON p.id = i.period_id
  LEFT JOIN LATERAL (SELECT sum(CASE WHEN reverses_id IS NULL THEN 1 ELSE -1 END) AS messages,
                            sum(price_micros) AS amount
                       FROM billing_charge c
                      WHERE c.business_id = i.business_id AND c.billed_month = p.month
                        AND (c.rule IN ('test', 'test_free')) = i.is_test) l ON true
  LEFT JOIN LATERAL (SELECT sum(quantity) AS quantity, sum(amount_micros) AS amount
                       FROM billing_invoiceline x
                      WHERE x.invoice_id = i.id AND x.kind IN ('messages', 'late')) s ON true
 WHERE i.status <> 'void' AND (%(month)s::date IS NULL OR p.month = %(month)s)
   AND (coalesce(l.messages, 0) <> coalesce(s.quantity, 0)
       OR coalesce(l.amount, 0) <> coalesce(s.amount, 0))
UNION ALL
SELECT i.business_id, 'invoice ' || i.number || ', subtotal', coalesce(s.amount, 0)::text,
       i.subtotal_minor::text
  FROM billing_invoice i
  JOIN billing_period p ON p.id = i.period_id
  LEFT JOIN LATERAL (SELECT sum(amount_minor) AS amount
                       FROM billing_invoiceline x WHERE x.invoice_id = i.id) s ON true
 WHERE (%(month)s::date IS NULL OR p.month = %(month)s)
   AND coalesce(s.amount, 0) <> i.subtotal_minor
 ORDER BY 1, 2
