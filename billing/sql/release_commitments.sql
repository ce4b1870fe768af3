-- Promises: commitments of messages that failed, that were never written, or that nobody delivered
-- within 30 days are gone. A failure that metering has yet to look at keeps its own: its card may
-- charge it. A message delivered after all is charged all the same.
-- Messages are looked up laterally, so by index at any size.
DELETE FROM billing_commitment k
 USING (SELECT x.business_id, x.id, x.created_at, m.id AS message_id, m.status,
               d.id AS delivery_id
          FROM billing_commitment x
          LEFT JOIN LATERAL (SELECT y.id, y.status FROM hosting_message y
                              WHERE y.number_id = x.number_id AND y.wamid = x.wamid LIMIT 1) m ON true
          LEFT JOIN hosting_delivery d ON d.message_id = m.id) c
 WHERE k.business_id = c.business_id AND k.id = c.id
   AND (c.created_at < now() - interval '30 days'
        OR (c.status = 'failed' AND c.delivery_id IS NULL)
        OR (c.created_at < now() - interval '1 minute' AND c.message_id IS NULL))
