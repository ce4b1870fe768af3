-- Promises: conversations show what was brought in where it is the newest; window, unread count and state stay as they were.
UPDATE hosting_conversation c
   SET last_message_text = CASE WHEN u.latest >= c.last_message_at THEN u.preview ELSE c.last_message_text END,
       last_message_at = greatest(c.last_message_at, u.latest),
       created_at = least(c.created_at, u.earliest)
  FROM (SELECT x.* FROM unnest(%(ids)s::bigint[], %(earliest)s::timestamptz[], %(latest)s::timestamptz[],
                               %(previews)s::text[]) AS x (id, earliest, latest, preview)
          JOIN hosting_conversation h ON h.business_id = %(business_id)s AND h.id = x.id ORDER BY x.id FOR UPDATE OF h) u
 WHERE c.business_id = %(business_id)s AND c.id = u.id
