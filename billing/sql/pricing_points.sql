-- Promises: what the ledger holds about the messages of one account delivered in a span: volume and
-- cost by bucket of time, number, country, category, pricing type and tier. Reversals and what they
-- take back are left out. Months and days are the business's own.
WITH points AS (
    SELECT date_bin('30 minutes', c.delivered_at, 'epoch') AS half_hour,
           date_trunc('day', c.delivered_at AT TIME ZONE z.timezone) AS day,
           date_trunc('month', c.delivered_at AT TIME ZONE z.timezone) AS month,
           z.timezone,
           n.digits AS phone_number, n.phone_number_id, c.price_micros,
           k.country,
           replace(upper(c.category), '-', '_') AS pricing_category,
           CASE WHEN c.rule IN ('tier', 'failed', 'reported') THEN 'REGULAR'
                WHEN c.rule = 'free_entry' THEN 'FREE_ENTRY_POINT'
                       ELSE 'FREE_CUSTOMER_SERVICE' END AS pricing_type,
           CASE WHEN t.id IS NOT NULL THEN
               (CASE WHEN t.first = 1 THEN 0 ELSE t.first END) || ':'
                   || coalesce(t.last::text, 'MAX') END AS tier
      FROM billing_charge c
      JOIN hosting_message m ON m.id = c.message_id
      JOIN hosting_number n ON n.id = m.number_id
      JOIN hosting_contact p ON p.business_id = m.business_id AND p.id = m.contact_id
      JOIN accounts_business z ON z.id = c.business_id
     CROSS JOIN LATERAL billing_market(p.wa_id, c.month) k
      LEFT JOIN billing_tier t ON t.id = c.tier_id
     WHERE c.business_id = %(business_id)s AND n.account_id = %(account_id)s
       AND c.delivered_at >= %(start)s AND c.delivered_at < %(end)s
       AND c.reverses_id IS NULL
       AND NOT EXISTS (SELECT FROM billing_charge r
                        WHERE r.message_id = c.message_id AND r.reverses_id = c.id)
)
SELECT extract(epoch FROM CASE %(granularity)s
           WHEN 'HALF_HOUR' THEN half_hour WHEN 'DAY' THEN day AT TIME ZONE timezone
           ELSE month AT TIME ZONE timezone END)::bigint AS start,
       extract(epoch FROM CASE %(granularity)s
           WHEN 'HALF_HOUR' THEN half_hour + interval '30 minutes'
           WHEN 'DAY' THEN (day + interval '1 day') AT TIME ZONE timezone
           ELSE (month + interval '1 month') AT TIME ZONE timezone END)::bigint AS end,
       phone_number, phone_number_id, country, pricing_category, pricing_type, tier, count(*),
       sum(price_micros)
  FROM points
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
 ORDER BY 1, 3, 5, 6, 7, 8
