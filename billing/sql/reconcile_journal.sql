-- Promises: every event of money whose posting is missing, of another amount or on another day, and
-- every posting without its event: invoices, voids, credit notes, receipts, payments, refunds,
-- write-offs; every entry that does not balance; and every customer whose receivables in the journal
-- are not what its open invoices still owe.
WITH events AS MATERIALIZED (
    SELECT business_id, 'invoice:' || id AS event, issued_on AS day, total_minor AS minor,
           'receivable' AS role
      FROM billing_invoice WHERE number IS NOT NULL AND NOT is_test
    UNION ALL
    SELECT business_id, 'void:' || id, NULL, -total_minor, 'receivable'
      FROM billing_invoice WHERE number IS NOT NULL AND NOT is_test AND status = 'void'
    UNION ALL
    SELECT business_id, 'credit:' || id, issued_on, -reduces_minor, 'receivable'
      FROM billing_creditnote
    UNION ALL
    SELECT business_id, 'credit:' || id, issued_on, reduces_minor - total_minor, 'balance'
      FROM billing_creditnote
    UNION ALL
    SELECT business_id, 'receipt:' || id, value_date, -amount_minor, 'unallocated'
      FROM billing_cashreceipt
    UNION ALL
    SELECT business_id, 'fee:' || id, value_date, fee_minor, 'fees'
      FROM billing_cashreceipt WHERE fee_minor > 0
    UNION ALL
    SELECT business_id, 'payment:' || id, NULL, -allocated_minor, 'receivable'
      FROM billing_payment WHERE status = 'succeeded'
    UNION ALL
    SELECT business_id, 'refund:' || id, NULL, amount_minor,
           CASE WHEN receipt_id IS NULL THEN 'balance' ELSE 'unallocated' END
      FROM billing_refund WHERE status = 'succeeded'
), posted AS MATERIALIZED (
    SELECT business_id, event, role, sum(amount_minor) AS minor, min(posted_on) AS day
      FROM billing_posting GROUP BY 1, 2, 3
)
SELECT coalesce(e.business_id, p.business_id),
       'entry ' || coalesce(e.event, p.event) || ', ' || coalesce(e.role, p.role),
       concat_ws(' on ', coalesce(e.minor, 0), e.day),
       concat_ws(' on ', coalesce(p.minor, 0), p.day)
  FROM events e
  FULL JOIN (SELECT * FROM posted
              WHERE (split_part(event, ':', 1), role) IN (
                        ('invoice', 'receivable'), ('void', 'receivable'), ('credit', 'receivable'),
                        ('credit', 'balance'), ('receipt', 'unallocated'), ('fee', 'fees'),
                        ('payment', 'receivable'), ('refund', 'balance'),
                        ('refund', 'unallocated'))) p
    ON p.business_id = e.business_id AND p.event = e.event AND p.role = e.role
 WHERE (%(month)s::date IS NULL OR true)
   AND (coalesce(e.minor, 0) <> coalesce(p.minor, 0)
        OR (e.day <> p.day AND coalesce(e.minor, 0) <> 0))
UNION ALL
SELECT business_id, 'entry ' || event || ', balance', '0', sum(minor)::text
  FROM posted GROUP BY business_id, event HAVING sum(minor) <> 0
UNION ALL
SELECT coalesce(o.business_id, j.business_id), 'receivables in ' || coalesce(o.currency, j.currency),
       coalesce(o.due, 0)::text, coalesce(j.minor, 0)::text
  FROM (SELECT i.business_id, i.currency, sum(i.total_minor - coalesce(y.paid, 0)
               - coalesce(n.credited, 0)) AS due
          FROM billing_invoice i
          LEFT JOIN (SELECT invoice_id, sum(allocated_minor) AS paid FROM billing_payment
                      WHERE status = 'succeeded' GROUP BY 1) y ON y.invoice_id = i.id
          LEFT JOIN (SELECT invoice_id, sum(reduces_minor) AS credited FROM billing_creditnote
                      GROUP BY 1) n ON n.invoice_id = i.id
         WHERE i.status IN ('open', 'paid') GROUP BY 1, 2) o
  FULL JOIN (SELECT business_id, currency, sum(amount_minor) AS minor FROM billing_posting
              WHERE role = 'receivable' GROUP BY 1, 2) j
    ON j.business_id = o.business_id AND j.currency = o.currency
 WHERE coalesce(o.due, 0) <> coalesce(j.minor, 0)
 ORDER BY 1, 2
