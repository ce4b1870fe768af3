-- Promises: conversations show what just arrived: order, preview, unread count, 24-hour window. A window opens no later
-- than now, whatever time a message bears, and is proven where the newest message that opened it was. A separate
-- statement, because one statement cannot update rows that it inserted. Input: parallel arrays, one element a
-- conversation.
UPDATE hosting_conversation c
   SET last_message_text = CASE WHEN u.latest >= c.last_message_at THEN u.preview ELSE c.last_message_text END,
       last_message_at = greatest(c.last_message_at, u.latest),
       last_inbound_at = greatest(c.last_inbound_at, u.opened),
       is_window_proven = CASE WHEN u.opened >= coalesce(c.last_inbound_at, '-infinity')
                               THEN coalesce(u.proven >= u.opened, false) ELSE c.is_window_proven END,
       referred_at = greatest(c.referred_at, u.referred_at),
       unread_count = c.unread_count + u.messages,
       is_resolved = false,
       snoozed_until = NULL
  FROM (SELECT x.business_id, x.id, x.messages, x.latest, x.preview,
               CASE WHEN x.referred_at > present.at THEN present.at ELSE x.referred_at END AS referred_at,
               CASE WHEN x.opened > present.at THEN present.at ELSE x.opened END AS opened,
               CASE WHEN x.proven > present.at THEN present.at ELSE x.proven END AS proven
          FROM unnest(%(business_ids)s::bigint[], %(ids)s::bigint[], %(messages)s::int[],
                      %(latest)s::timestamptz[], %(previews)s::text[], %(referred)s::timestamptz[],
                      %(opened)s::timestamptz[], %(proven)s::timestamptz[])
                        AS x (business_id, id, messages, latest, preview, referred_at, opened, proven)
          JOIN hosting_conversation h ON h.business_id = x.business_id AND h.id = x.id
          JOIN accounts_business b ON b.id = x.business_id
         CROSS JOIN LATERAL (SELECT greatest(b.clock_at, now()) AS at) present
         ORDER BY x.id FOR UPDATE OF h) u
 WHERE c.business_id = u.business_id AND c.id = u.id
