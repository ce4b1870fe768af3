-- Promises: for each business and currency what it has with the seller, in minor units: credits that
-- are kept, and money that pays no invoice yet; rows of nothing are left out. Read from the events,
-- a business (or with NULL every one).
SELECT m.business_id, z.name AS business, m.currency, sum(m.credit)::bigint AS balance_minor,
       sum(m.cash)::bigint AS unallocated_minor
  FROM (SELECT business_id, currency, total_minor - reduces_minor AS credit, 0 AS cash
          FROM billing_creditnote WHERE use = 'balance'
        UNION ALL
        SELECT business_id, currency,
               CASE WHEN method = 'balance' THEN -allocated_minor ELSE 0 END,
               CASE WHEN method <> 'balance' THEN -allocated_minor ELSE 0 END
          FROM billing_payment WHERE status = 'succeeded'
        UNION ALL
        SELECT business_id, currency, 0, amount_minor FROM billing_cashreceipt
        UNION ALL
        SELECT business_id, currency, CASE WHEN receipt_id IS NULL THEN -amount_minor ELSE 0 END,
               CASE WHEN receipt_id IS NOT NULL THEN -amount_minor ELSE 0 END
          FROM billing_refund
         WHERE payment_id IS NULL AND status NOT IN ('failed', 'cancelled')) m
  JOIN accounts_business z ON z.id = m.business_id
 WHERE %(business_id)s::bigint IS NULL OR m.business_id = %(business_id)s
 GROUP BY 1, 2, 3
HAVING sum(m.credit) <> 0 OR sum(m.cash) <> 0
 ORDER BY z.name, m.business_id, m.currency
