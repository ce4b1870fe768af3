-- Promises: every receipt of which more is allocated or sent back than arrived; every customer whose
-- credit balance is below nothing; every credit note of which more was paid back than is kept of it;
-- every credited line beyond what was billed; every invoice that was prepaid by more or less than
-- its payments at the moment it was issued.
SELECT r.business_id, 'receipt ' || r.id, 'at most ' || r.amount_minor || ' used', s.used::text
  FROM billing_cashreceipt r
 CROSS JOIN LATERAL (
        SELECT coalesce((SELECT sum(p.allocated_minor) FROM billing_payment p
                          WHERE p.receipt_id = r.id AND p.status = 'succeeded'), 0)
             + coalesce((SELECT sum(f.amount_minor) FROM billing_refund f
                          WHERE f.receipt_id = r.id
                            AND f.status NOT IN ('failed', 'cancelled')), 0) AS used) s
 WHERE s.used > r.amount_minor
UNION ALL
SELECT b.business_id, 'credit balance in ' || b.currency, 'not below 0', sum(b.minor)::text
  FROM (SELECT business_id, currency, total_minor - reduces_minor AS minor
          FROM billing_creditnote WHERE use = 'balance'
        UNION ALL
        SELECT business_id, currency, -allocated_minor FROM billing_payment
         WHERE method = 'balance' AND status = 'succeeded'
        UNION ALL
        SELECT business_id, currency, -amount_minor FROM billing_refund
         WHERE payment_id IS NULL AND receipt_id IS NULL
           AND status NOT IN ('failed', 'cancelled')) b
 GROUP BY b.business_id, b.currency HAVING sum(b.minor) < 0
UNION ALL
SELECT n.business_id, 'credit note ' || n.number || ', paid back',
       'at most ' || (n.total_minor - n.reduces_minor), sum(f.amount_minor)::text
  FROM billing_creditnote n
  JOIN billing_refund f ON f.credit_note_id = n.id AND f.status NOT IN ('failed', 'cancelled')
 GROUP BY n.id, n.business_id, n.number, n.total_minor, n.reduces_minor
HAVING sum(f.amount_minor) > n.total_minor - n.reduces_minor
UNION ALL
SELECT l.business_id, format('invoice line %%s, credited', l.id), 'at most ' || l.amount_minor,
       sum(c.amount_minor)::text
  FROM billing_creditnoteline c JOIN billing_invoiceline l ON l.id = c.invoice_line_id
 GROUP BY l.id, l.business_id, l.amount_minor
HAVING abs(sum(c.amount_minor)) > abs(l.amount_minor)
UNION ALL
SELECT i.business_id, 'invoice ' || i.number || ', prepaid', s.paid::text, i.prepaid_minor::text
  FROM billing_invoice i JOIN billing_period d ON d.id = i.period_id
 CROSS JOIN LATERAL (SELECT coalesce(sum(p.allocated_minor), 0) AS paid FROM billing_payment p
                      WHERE p.invoice_id = i.id AND p.status = 'succeeded'
                        AND p.settled_at <= i.issued_at) s
 WHERE i.number IS NOT NULL AND s.paid < i.prepaid_minor
   AND (%(month)s::date IS NULL OR d.month = %(month)s)
 ORDER BY 1, 2
