-- Promises: every delivered outbound message that is in none, or in more than one, of ledger, queue and quarantine; and
-- every charge whose message is not delivered or lies in another month. Messages erased since
-- are no difference, and those that were imported are not metered.
SELECT m.business_id, 'message ' || m.id, 'one of charge, waiting, quarantined',
       format('%%s charges, %%s waiting, %%s quarantined', n.charges, n.waiting, n.held)
  FROM hosting_message m
  JOIN accounts_business z ON z.id = m.business_id
 CROSS JOIN LATERAL (
        SELECT (SELECT count(*) FROM billing_charge c WHERE c.message_id = m.id AND c.reverses_id IS NULL) AS charges,
               (SELECT count(*) FROM hosting_delivery d WHERE d.message_id = m.id) AS waiting,
               (SELECT count(*) FROM billing_quarantine q WHERE q.message_id = m.id) AS held) n
  LEFT JOIN billing_period p
    ON p.business_id = m.business_id AND m.delivered_at >= p.starts_at AND m.delivered_at < p.ends_at
 WHERE m.direction = 'out' AND m.delivered_at IS NOT NULL AND m.imported_from_id IS NULL
   AND (%(month)s::date IS NULL
        OR coalesce(p.month, date_trunc('month', m.delivered_at AT TIME ZONE z.timezone)::date) = %(month)s)
   AND n.charges + n.waiting + n.held <> 1
UNION ALL
SELECT c.business_id, 'charge ' || c.id, 'a message delivered in ' || to_char(c.month, 'YYYY-MM'),
       CASE WHEN m.delivered_at IS NULL THEN 'message ' || m.id || ' is not delivered'
            ELSE 'message ' || m.id || ' delivered at ' || m.delivered_at END
  FROM billing_charge c
  JOIN hosting_message m ON m.id = c.message_id
  LEFT JOIN billing_period p ON p.business_id = c.business_id AND p.month = c.month
 WHERE (%(month)s::date IS NULL OR c.month = %(month)s)
   AND (m.delivered_at IS NULL OR p.id IS NULL OR c.delivered_at < p.starts_at OR c.delivered_at >= p.ends_at
        OR m.business_id <> c.business_id)
 ORDER BY 1, 2
