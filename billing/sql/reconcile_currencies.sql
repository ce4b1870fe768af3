-- Promises: every document, payment, receipt, refund and posting in another currency than what it is
-- about: an invoice than its month, a credit note than its invoice or month, a payment than its
-- invoice and its receipt, a refund than its payment or receipt, a posting than its event.
SELECT i.business_id, 'invoice ' || coalesce(i.number, 'draft ' || i.id) || ', currency',
       p.currency, i.currency
  FROM billing_invoice i JOIN billing_period p ON p.id = i.period_id
 WHERE i.currency <> p.currency AND (%(month)s::date IS NULL OR p.month = %(month)s)
UNION ALL
SELECT n.business_id, 'credit note ' || n.number || ', currency', coalesce(i.currency, p.currency),
       n.currency
  FROM billing_creditnote n
  LEFT JOIN billing_invoice i ON i.id = n.invoice_id
  LEFT JOIN billing_period p ON p.id = n.period_id
 WHERE n.currency IS DISTINCT FROM coalesce(i.currency, p.currency)
UNION ALL
SELECT y.business_id, 'payment ' || y.id || ', currency', i.currency, y.currency
  FROM billing_payment y
  JOIN billing_invoice i ON i.id = y.invoice_id
  LEFT JOIN billing_cashreceipt r ON r.id = y.receipt_id
 WHERE y.currency <> i.currency OR y.currency <> r.currency
UNION ALL
SELECT f.business_id, 'refund ' || f.id || ', currency', coalesce(y.currency, r.currency),
       f.currency
  FROM billing_refund f
  LEFT JOIN billing_payment y ON y.id = f.payment_id
  LEFT JOIN billing_cashreceipt r ON r.id = f.receipt_id
 WHERE f.currency <> coalesce(y.currency, r.currency)
 ORDER BY 1, 2
