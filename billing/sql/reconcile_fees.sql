-- Promises: every closed month whose fees, by days on each plan at the fee that it had then, are not
-- what its live invoice or credit note charges; and every closed month with usage or fees that has
-- neither: voided and never issued anew, or never billed. A business on trial owes no fees; its test
-- invoice shows them.
WITH closed AS MATERIALIZED (
    SELECT p.id, p.business_id, p.month, p.currency, z.timezone
      FROM billing_period p JOIN accounts_business z ON z.id = p.business_id
     WHERE p.state = 'closed' AND (%(month)s::date IS NULL OR p.month = %(month)s)
), owed AS MATERIALIZED (
    SELECT c.id, coalesce(sum(t.fee_micros / extract(day FROM
                     c.month + interval '1 month' - interval '1 day')), 0) AS micros
      FROM closed c
     CROSS JOIN LATERAL generate_series(c.month::timestamp,
                                        c.month + interval '1 month' - interval '1 day',
                                        interval '1 day') AS d (day)
      LEFT JOIN LATERAL (
            SELECT t.fee_micros FROM accounts_planterm t
             WHERE t.business_id = c.business_id
               AND (t.started_at AT TIME ZONE c.timezone)::date <= d.day::date
             ORDER BY t.id DESC LIMIT 1) t ON true
     GROUP BY c.id
), billed AS MATERIALIZED (
    SELECT c.id,
           (SELECT count(*) FROM billing_invoice i
             WHERE i.period_id = c.id AND i.status <> 'void') AS invoices,
           (SELECT count(*) FROM billing_creditnote n WHERE n.period_id = c.id) AS notes,
           coalesce((SELECT sum(l.amount_micros) FROM billing_invoiceline l
                       JOIN billing_invoice i ON i.id = l.invoice_id
                      WHERE i.period_id = c.id AND i.status <> 'void' AND l.kind = 'fee'), 0)
           - coalesce((SELECT sum(l.amount_micros) FROM billing_creditnoteline l
                         JOIN billing_creditnote n ON n.id = l.credit_note_id
                        WHERE n.period_id = c.id AND l.kind = 'fee'), 0) AS micros,
           EXISTS (SELECT FROM billing_usage u WHERE u.business_id = c.business_id
                      AND u.billed_month = c.month AND u.messages <> 0
                      AND u.rule NOT IN ('test', 'test_free')) AS is_used
      FROM closed c
)
SELECT c.business_id, 'month ' || to_char(c.month, 'YYYY-MM') || ', invoice',
       'an invoice or a credit note', 'none that is live'
  FROM closed c JOIN owed o USING (id) JOIN billed b USING (id)
 WHERE b.invoices + b.notes = 0 AND (b.is_used OR o.micros > 0)
UNION ALL
SELECT c.business_id, 'month ' || to_char(c.month, 'YYYY-MM') || ', fees',
       round(o.micros) || ' micros', b.micros || ' micros'
  FROM closed c JOIN owed o USING (id) JOIN billed b USING (id)
 WHERE b.invoices + b.notes > 0 AND abs(o.micros - b.micros) > 31
 ORDER BY 1, 2
