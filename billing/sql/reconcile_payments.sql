-- Promises: every invoice whose status disagrees with the money: what is left of it (total less
-- arrived payments less credits that reduce it) must be 0 when it is paid, more than 0 when it is
-- open, and never below 0; and every payment of which more has gone back than came.
WITH money AS (
    SELECT i.id, i.business_id, i.number, i.status, i.total_minor,
           (SELECT coalesce(sum(p.allocated_minor), 0) FROM billing_payment p
             WHERE p.invoice_id = i.id AND p.status = 'succeeded') AS paid,
           (SELECT coalesce(sum(n.reduces_minor), 0) FROM billing_creditnote n
             WHERE n.invoice_id = i.id) AS credited
      FROM billing_invoice i
      JOIN billing_period p ON p.id = i.period_id
     WHERE i.status NOT IN ('draft', 'void', 'test') AND (%(month)s::date IS NULL OR p.month = %(month)s)
)
SELECT business_id, 'invoice ' || number || ', ' || status,
       CASE status WHEN 'paid' THEN 'nothing left to pay' ELSE 'something left to pay' END,
       format('%%s less %%s paid less %%s credited', total_minor, paid, credited)
  FROM money
 WHERE CASE status WHEN 'paid' THEN total_minor <> paid + credited
     ELSE total_minor <= paid + credited END
UNION ALL
SELECT p.business_id, 'payment ' || p.id || ' of invoice ' || i.number, 'at most '
    || p.allocated_minor || ' paid back',
       r.back::text
  FROM billing_payment p
  JOIN billing_invoice i ON i.id = p.invoice_id
  JOIN billing_period d ON d.id = i.period_id
  JOIN LATERAL (SELECT sum(amount_minor) AS back FROM billing_refund r
                 WHERE (r.payment_id = p.id OR r.card_payment_id = p.id) AND r.status IN ('open', 'pending', 'unknown',
                 'succeeded')) r ON true
 WHERE r.back > p.allocated_minor AND (%(month)s::date IS NULL OR d.month = %(month)s)
 ORDER BY 1, 2
