-- Promises: every charge whose rule or category is not what its message and its card say: free in
-- the window without an open window or without such a rule of the card; priced though a rule makes
-- it free; as reported without a report in time, or not as reported in spite of one; a reaction that is none; more free messages of a number than the card gives; a category
-- that is not the message's. Free entries are the network's word and are taken as such.
SELECT c.business_id, 'charge ' || c.id || ', rule', e.rule, c.rule
  FROM billing_charge c
  JOIN hosting_message m ON m.business_id = c.business_id AND m.id = c.message_id
  JOIN billing_cardversion v ON v.id = c.version_id
  JOIN billing_ratecard k ON k.id = v.card_id
  LEFT JOIN hosting_reportedprice n
    ON n.business_id = c.business_id AND n.message_id = c.message_id AND NOT n.is_late
 CROSS JOIN LATERAL (
        SELECT CASE WHEN m.kind = 'reaction' AND v.reactions_free THEN 'reaction'
                    WHEN m.category = 'service' AND m.window_open AND v.service_free_in_window
                    THEN 'service_in_window'
                    WHEN m.category = 'utility' AND m.window_open AND v.utility_free_in_window
                    THEN 'utility_in_window'
                    WHEN m.category = 'marketing' AND v.reported_prices AND c.rule <> 'failed'
                         AND n.currency = k.currency
                    THEN 'reported'
                    ELSE 'tier' END AS rule) e
 WHERE c.reverses_id IS NULL AND (%(month)s::date IS NULL OR c.month = %(month)s)
   AND c.rule NOT IN ('free_entry', 'test', 'test_free')
   AND CASE c.rule WHEN 'failed' THEN 'tier' WHEN 'allowance' THEN 'tier' ELSE c.rule END <> e.rule
UNION ALL
SELECT c.business_id, 'charge ' || c.id || ', category', m.category, c.category
  FROM billing_charge c
  JOIN hosting_message m ON m.business_id = c.business_id AND m.id = c.message_id
 WHERE (%(month)s::date IS NULL OR c.month = %(month)s)
   AND c.category <> m.category
   AND NOT (m.category = 'authentication' AND c.category = 'authentication-international')
UNION ALL
SELECT c.business_id, format('number %%s, free messages of %%s', m.number_id, c.month),
       'at most ' || max(v.free_messages), count(*)::text
  FROM billing_charge c
  JOIN hosting_message m ON m.business_id = c.business_id AND m.id = c.message_id
  JOIN billing_cardversion v ON v.id = c.version_id
 WHERE c.rule = 'allowance' AND c.reverses_id IS NULL
   AND (%(month)s::date IS NULL OR c.month = %(month)s)
 GROUP BY c.business_id, m.number_id, c.month
HAVING count(*) > max(v.free_messages)
 ORDER BY 1, 2
