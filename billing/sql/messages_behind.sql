-- Promises: the ledger rows behind an invoice, or behind one of its lines, after a given charge, in ledger order.
SELECT c.id, l.position, c.message_id, m.wamid, p.wa_id, c.delivered_at, c.month, c.market, c.category, c.rule,
       c.position, l.tier_first, l.tier_last, c.price_micros
  FROM billing_invoiceline l
  JOIN billing_invoice i ON i.id = l.invoice_id
  JOIN billing_period b ON b.id = i.period_id
  JOIN billing_charge c
    ON c.business_id = i.business_id AND c.billed_month = b.month AND c.month = l.month AND c.market = l.market
   AND c.category = l.category AND c.rule = l.rule AND c.version_id = l.version_id
   AND coalesce(c.tier_id, 0) = coalesce(l.tier_id, 0)
  LEFT JOIN hosting_message m ON m.id = c.message_id AND m.business_id = c.business_id
  LEFT JOIN hosting_contact p ON p.id = m.contact_id
 WHERE l.invoice_id = %(invoice_id)s AND l.kind <> 'fee'
   AND (%(line)s::int IS NULL OR l.position = %(line)s) AND c.id > %(after)s
 ORDER BY c.id
 LIMIT %(limit)s
