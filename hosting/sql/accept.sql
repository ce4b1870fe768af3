-- Promises: one outbound message written, queued for its transport, shown in its conversation and counted against
-- the plan's month; or nothing at all, where the plan's limit is reached (`id` is null) or its conversation was merged
-- into another one (`contact_id` is null). The contact is the conversation's own, which is locked. A broadcast leaves
-- the conversation's place and preview in the list while something unread waits.
WITH thread AS (
    SELECT id, contact_id FROM hosting_conversation
     WHERE business_id = %(business_id)s AND id = %(conversation_id)s FOR KEY SHARE
), counted AS (
    INSERT INTO hosting_hostedcount AS h (business_id, month, messages)
    SELECT %(business_id)s, %(month)s, 1 FROM thread WHERE %(limit)s::bigint IS NULL OR %(limit)s::bigint > 0
    ON CONFLICT (business_id, month) DO UPDATE SET messages = h.messages + 1
        WHERE %(limit)s::bigint IS NULL OR h.messages < %(limit)s::bigint
    RETURNING 1
), written AS (
    INSERT INTO hosting_message
        (business_id, conversation_id, number_id, contact_id, wamid, direction, kind, text, content, context_wamid,
         tracker, template_id, category, window_open, free_entry_at, author_id, status, created_at, recipient)
    SELECT %(business_id)s, thread.id, %(number_id)s, thread.contact_id, %(wamid)s, 'out', %(kind)s, %(text)s,
           %(content)s::jsonb, %(context_wamid)s, %(tracker)s, %(template_id)s, %(category)s, %(window_open)s,
           %(free_entry_at)s::timestamptz, %(author_id)s, 'accepted', %(at)s,
           %(recipient)s
      FROM counted, thread
    RETURNING id
), queued AS (
    INSERT INTO hosting_outgoing
        (message_id, business_id, number_id, transport, state, attempts, not_before, last_error, queued_at)
    SELECT id, %(business_id)s, %(number_id)s, %(transport)s, %(state)s, 0, now(), '', now() FROM written
), shown AS (
    UPDATE hosting_conversation
       SET last_message_at = CASE WHEN %(is_broadcast)s AND unread_count > 0 THEN last_message_at
                                  ELSE greatest(last_message_at, %(at)s) END,
           last_message_text = CASE WHEN %(is_broadcast)s AND unread_count > 0 THEN last_message_text ELSE %(preview)s END,
           free_entry_at = greatest(free_entry_at, %(free_entry_at)s::timestamptz)
     WHERE business_id = %(business_id)s AND id = %(conversation_id)s AND EXISTS (SELECT FROM written)
)
SELECT (SELECT id FROM written) AS id, (SELECT contact_id FROM thread) AS contact_id
