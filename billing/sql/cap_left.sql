-- Promises: the currency of the month, what it has cost so far, and what is under way; and the
-- business's spend cap with whether it is hard, where it has one in that currency (else NULL).
SELECT m.currency, c.limit_micros, coalesce(c.is_hard, false) AS is_hard,
       b.spent_micros, b.committed_micros
  FROM billing_month(%(business_id)s, %(at)s) h
 CROSS JOIN LATERAL billing_currency(%(business_id)s, h.month) m
 CROSS JOIN LATERAL billing_spending(%(business_id)s, h.month) b
  LEFT JOIN billing_spendcap c ON c.business_id = %(business_id)s AND c.currency = m.currency
