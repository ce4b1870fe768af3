-- Promises: messages that were not kept are counted for the month of their business, by its own clock.
INSERT INTO hosting_inboundcount AS c (business_id, month, messages_dropped)
SELECT u.business_id, date_trunc('month', coalesce(b.clock_at, now()) AT TIME ZONE 'UTC')::date, u.messages
  FROM unnest(%(business_ids)s::bigint[], %(messages)s::bigint[]) AS u (business_id, messages)
  JOIN accounts_business b ON b.id = u.business_id
 ORDER BY u.business_id
ON CONFLICT (business_id, month) DO UPDATE SET messages_dropped = c.messages_dropped + EXCLUDED.messages_dropped
