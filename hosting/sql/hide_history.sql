-- Promises: conversations show their newest message again after others have gone; empty ones show nothing.
UPDATE hosting_conversation c
   SET last_message_text = coalesce(left(replace(coalesce(nullif(m.text, ''), '[' || m.kind || ']'), E'\n', ' '), 120), ''),
       last_message_at = coalesce(m.created_at, c.created_at)
  FROM unnest(%(ids)s::bigint[]) AS u (id)
  LEFT JOIN LATERAL (SELECT text, kind, created_at FROM hosting_message
                      WHERE conversation_id = u.id ORDER BY id DESC LIMIT 1) m ON true
 WHERE c.id = u.id AND c.business_id = %(business_id)s
