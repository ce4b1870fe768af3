-- Promises: commitments of messages that failed, that were never written, or that nobody delivered
-- within 30 days are gone. A failure that metering has yet to look at keeps its own: its card may
-- charge it. A message delivered after all is charged all the same.
DELETE FROM billing_commitment k
 WHERE k.created_at < now() - interval '30 days'
    OR EXISTS (SELECT FROM hosting_message m
                WHERE m.number_id = k.number_id AND m.wamid = k.wamid AND m.status = 'failed'
                  AND NOT EXISTS (SELECT FROM hosting_delivery d WHERE d.message_id = m.id))
    OR (k.created_at < now() - interval '1 minute'
        AND NOT EXISTS (SELECT FROM hosting_message m WHERE m.number_id = k.number_id
            AND m.wamid = k.wamid))
