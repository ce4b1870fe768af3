-- Promises: one ledger row with all that made its price: tier, rate, card version, and the invoice
-- line that carries it.
SELECT c.id, c.month, c.billed_month, c.market, c.category, c.rule, c.position, c.price_micros,
       c.delivered_at, c.charged_at, t.first, t.last, card.name, card.currency, v.valid_from, v.id,
       i.number, l.position, m.wamid, p.wa_id, v.service_free_in_window, v.utility_free_in_window,
       t.price_micros, back.charged_at, back.note
  FROM billing_charge c
  LEFT JOIN billing_tier t ON t.id = c.tier_id
  LEFT JOIN billing_charge back ON back.message_id = c.message_id AND back.reverses_id = c.id
  JOIN billing_cardversion v ON v.id = c.version_id
  JOIN billing_ratecard card ON card.id = v.card_id
  LEFT JOIN hosting_message m ON m.id = c.message_id AND m.business_id = c.business_id
  LEFT JOIN hosting_contact p ON p.business_id = m.business_id AND p.id = m.contact_id
  LEFT JOIN billing_period b ON b.business_id = c.business_id AND b.month = c.billed_month
  LEFT JOIN billing_invoice i ON i.period_id = b.id AND i.status <> 'void'
                             AND i.is_test = billing_is_test(c.rule)
  LEFT JOIN billing_invoiceline l
    ON l.invoice_id = i.id AND l.month = c.month AND l.market = c.market AND l.category = c.category
   AND l.rule = c.rule AND l.version_id = c.version_id
       AND coalesce(l.tier_id, 0) = coalesce(c.tier_id, 0)
 WHERE c.business_id = %(business_id)s AND c.message_id = %(message_id)s AND c.reverses_id IS NULL
