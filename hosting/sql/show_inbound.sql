-- Promises: conversations show what just arrived: order, preview, unread count, 24-hour window. A separate statement,
-- because one statement cannot update rows that it inserted. Input: parallel arrays, one element a conversation.
UPDATE hosting_conversation c
   SET last_message_text = CASE WHEN u.latest >= c.last_message_at THEN u.preview ELSE c.last_message_text END,
       last_message_at = greatest(c.last_message_at, u.latest),
       last_inbound_at = greatest(c.last_inbound_at, u.latest),
       referred_at = greatest(c.referred_at, u.referred_at),
       unread_count = c.unread_count + u.messages,
       is_resolved = false,
       snoozed_until = NULL
  FROM (SELECT x.* FROM unnest(%(business_ids)s::bigint[], %(ids)s::bigint[], %(messages)s::int[],
                               %(latest)s::timestamptz[], %(previews)s::text[], %(referred)s::timestamptz[])
                        AS x (business_id, id, messages, latest, preview, referred_at)
          JOIN hosting_conversation h ON h.business_id = x.business_id AND h.id = x.id
         ORDER BY x.id FOR UPDATE OF h) u
 WHERE c.business_id = u.business_id AND c.id = u.id
