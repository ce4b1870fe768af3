-- Promises: every closed month whose line up to its minimum commitment is not what its own charges,
-- those billed in it, lack up to that; and every such line without a commitment. On trial, where
-- there is a test invoice alone, test traffic counts instead.
WITH closed AS MATERIALIZED (
    SELECT p.id, p.business_id, p.month, coalesce(m.amount_micros, 0) AS agreed
      FROM billing_period p
      LEFT JOIN billing_minimumcommitment m
        ON m.business_id = p.business_id AND m.currency = p.currency
       AND daterange(m.first_month, m.last_month, '[]') @> p.month
     WHERE p.state = 'closed' AND (%(month)s::date IS NULL OR p.month = %(month)s)
), lines AS MATERIALIZED (
    SELECT i.period_id, i.is_test, count(DISTINCT i.id) AS papers,
           coalesce(sum(l.amount_micros) FILTER (WHERE l.kind = 'commitment'), 0) AS micros
      FROM billing_invoice i LEFT JOIN billing_invoiceline l ON l.invoice_id = i.id
     WHERE i.status <> 'void' GROUP BY 1, 2
    UNION ALL
    SELECT n.period_id, false, count(DISTINCT n.id),
           -coalesce(sum(l.amount_micros) FILTER (WHERE l.kind = 'commitment'), 0)
      FROM billing_creditnote n LEFT JOIN billing_creditnoteline l ON l.credit_note_id = n.id
     WHERE n.period_id IS NOT NULL GROUP BY 1
), billed AS MATERIALIZED (
    SELECT c.id, coalesce(sum(l.micros) FILTER (WHERE NOT l.is_test), 0) AS live,
           coalesce(sum(l.micros) FILTER (WHERE l.is_test), 0) AS test,
           coalesce(sum(l.papers) FILTER (WHERE NOT l.is_test), 0) = 0
               AND coalesce(sum(l.papers) FILTER (WHERE l.is_test), 0) > 0 AS on_trial
      FROM closed c LEFT JOIN lines l ON l.period_id = c.id GROUP BY c.id
), asked AS MATERIALIZED (
    SELECT c.*, b.live, b.test, b.on_trial FROM closed c JOIN billed b USING (id)
     WHERE c.agreed > 0 OR b.live <> 0 OR b.test <> 0
), owed AS MATERIALIZED (
    SELECT a.*, CASE WHEN a.agreed = 0 THEN 0 ELSE greatest(0, a.agreed - u.used) END AS micros
      FROM asked a
     CROSS JOIN LATERAL (
            SELECT coalesce(sum(c.price_micros), 0) AS used FROM billing_charge c
             WHERE c.business_id = a.business_id AND c.month = a.month AND c.billed_month = a.month
               AND (c.rule IN ('test', 'test_free')) = a.on_trial) u
)
SELECT business_id, 'month ' || to_char(month, 'YYYY-MM') || ', minimum commitment',
       micros || ' micros', live || ' micros' || CASE WHEN test <> 0 AND NOT on_trial
           THEN ', and ' || test || ' on a test invoice' ELSE '' END
  FROM owed
 WHERE CASE WHEN on_trial THEN test <> micros ELSE live <> micros OR test <> 0 END
 ORDER BY 1, 2
