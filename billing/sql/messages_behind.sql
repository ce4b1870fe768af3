-- Promises: the ledger rows behind one line of an invoice after a given (position, charge), in the
-- order in which they were counted. Each page reads the unique index on positions from where the
-- last one ended, whatever the line's length.
SELECT c.id, l.position, c.message_id, m.wamid, p.wa_id, c.delivered_at, c.month, c.market,
       c.category, c.rule, c.position, l.tier_first, l.tier_last, c.price_micros
  FROM billing_invoiceline l
  JOIN billing_invoice i ON i.id = l.invoice_id
  JOIN billing_period b ON b.id = i.period_id
 CROSS JOIN LATERAL (
       SELECT * FROM billing_charge x
        WHERE x.business_id = i.business_id AND x.month = l.month AND x.market = l.market
          AND x.category = l.category AND x.rule = l.rule
          -- As the unique index has it: failed messages take positions of the ladder.
          AND CASE WHEN x.rule IN ('failed', 'reported') THEN 'tier' ELSE x.rule END
            = CASE WHEN l.rule IN ('failed', 'reported') THEN 'tier' ELSE l.rule END
          AND x.position >= greatest(%(position)s::bigint, coalesce(l.tier_first, 0))
          AND x.position <= least(l.tier_last, %(upto)s::bigint)
          AND (x.position > %(position)s::bigint OR x.id > %(after)s::bigint)
          AND x.billed_month = b.month AND x.version_id = l.version_id
          AND coalesce(x.tier_id, 0) = coalesce(l.tier_id, 0)
        ORDER BY x.position, x.id
        LIMIT %(limit)s) c
  LEFT JOIN hosting_message m ON m.id = c.message_id AND m.business_id = c.business_id
  LEFT JOIN hosting_contact p ON p.business_id = m.business_id AND p.id = m.contact_id
 WHERE l.invoice_id = %(invoice_id)s AND l.position = %(line)s AND l.kind IN ('messages', 'late')
 ORDER BY c.position, c.id
