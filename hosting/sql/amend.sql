-- Promises: messages that their sender edited or took back look as they now are, whichever came first, the message or
-- its change, and however often. The latest edit holds (by moment, then by id); what was taken back stays empty; what
-- is locked changes when it is unlocked.
-- Input: parallel arrays naming the messages that may be concerned.
WITH changed AS (
    SELECT m.business_id, m.id,
           (array_agg(e.content -> 'message' ORDER BY e.created_at DESC, e.wamid DESC) FILTER (WHERE e.kind = 'edit'))[1]
               AS edit,
           (array_agg(e.text ORDER BY e.created_at DESC, e.wamid DESC) FILTER (WHERE e.kind = 'edit'))[1] AS text,
           max(e.created_at) FILTER (WHERE e.kind = 'edit') AS edited_at,
           min(e.created_at) FILTER (WHERE e.kind = 'revoke') AS revoked_at
      FROM (SELECT DISTINCT number_id, wamid
              FROM unnest(%(number_ids)s::bigint[], %(wamids)s::text[]) AS u (number_id, wamid)) u
      JOIN hosting_message e
        ON e.number_id = u.number_id AND e.context_wamid = u.wamid AND e.kind IN ('edit', 'revoke') AND e.direction = 'in'
      -- Nobody changes what somebody else wrote.
      JOIN hosting_message m
        ON m.number_id = u.number_id AND m.wamid = u.wamid AND m.direction = 'in' AND m.contact_id = e.contact_id
       AND m.kind NOT IN ('edit', 'revoke', 'locked')
     GROUP BY m.business_id, m.id
)
UPDATE hosting_message m
   SET text = CASE WHEN c.revoked_at IS NOT NULL THEN '' ELSE coalesce(c.text, m.text) END,
       content = CASE WHEN c.revoked_at IS NOT NULL THEN '{}'
                      WHEN jsonb_typeof(c.edit -> (c.edit ->> 'type')) = 'object' THEN c.edit -> (c.edit ->> 'type')
                      ELSE m.content END,
       edited_at = c.edited_at,
       revoked_at = c.revoked_at
  FROM changed c
 WHERE m.business_id = c.business_id AND m.id = c.id
