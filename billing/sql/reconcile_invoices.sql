-- Promises: every live invoice whose message lines do not add up to its month's ledger, or whose
-- subtotal is not the sum of its lines. Ledger and lines are read once, not once an invoice.
WITH ledger AS MATERIALIZED (
    SELECT business_id, billed_month AS month, rule IN ('test', 'test_free') AS is_test,
           sum(CASE WHEN reverses_id IS NULL THEN 1 ELSE -1 END) AS messages,
           sum(price_micros) AS amount
      FROM billing_charge
     WHERE %(month)s::date IS NULL OR billed_month = %(month)s
     GROUP BY 1, 2, 3
), lines AS MATERIALIZED (
    SELECT invoice_id, sum(quantity) FILTER (WHERE kind IN ('messages', 'late')) AS quantity,
           sum(amount_micros) FILTER (WHERE kind IN ('messages', 'late')) AS amount,
           sum(amount_minor) AS minor
      FROM billing_invoiceline GROUP BY 1
), asked AS MATERIALIZED (
    SELECT i.*, p.month, coalesce(i.number, 'draft ' || i.id) AS name
      FROM billing_invoice i JOIN billing_period p ON p.id = i.period_id
     WHERE %(month)s::date IS NULL OR p.month = %(month)s
)
SELECT i.business_id, 'invoice ' || i.name || ', messages',
       format('%%s messages, %%s micros', coalesce(l.messages, 0), coalesce(l.amount, 0)),
       format('%%s messages, %%s micros', coalesce(s.quantity, 0), coalesce(s.amount, 0))
  FROM asked i
  LEFT JOIN ledger l
    ON l.business_id = i.business_id AND l.month = i.month AND l.is_test = i.is_test
  LEFT JOIN lines s ON s.invoice_id = i.id
 WHERE i.status <> 'void'
   AND (coalesce(l.messages, 0), coalesce(l.amount, 0))
       <> (coalesce(s.quantity, 0), coalesce(s.amount, 0))
UNION ALL
SELECT i.business_id, 'invoice ' || i.name || ', subtotal', coalesce(s.minor, 0)::text,
       i.subtotal_minor::text
  FROM asked i LEFT JOIN lines s ON s.invoice_id = i.id
 WHERE coalesce(s.minor, 0) <> i.subtotal_minor
 ORDER BY 1, 2
