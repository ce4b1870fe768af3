-- Promises: the business's spend cap, whether it is hard, what the month has cost so far, and what
-- is under way; no row without a cap.
SELECT c.limit_micros, c.is_hard, b.spent_micros, b.committed_micros
  FROM billing_spendcap c
 CROSS JOIN LATERAL billing_month(c.business_id, %(at)s) h
 CROSS JOIN LATERAL billing_spending(c.business_id, h.month) b
 WHERE c.business_id = %(business_id)s
