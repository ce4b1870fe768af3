-- Promises: messages that the plan allows by now can be read again as they came, once, whoever asks and how often.
-- Input: `business_id`, or NULL for all. Output: what was unlocked.
WITH due AS (
    DELETE FROM hosting_lockedmessage l
     USING accounts_business b, accounts_plan p
     WHERE b.id = l.business_id AND p.code = b.plan_id
       AND (%(business_id)s::bigint IS NULL OR l.business_id = %(business_id)s::bigint)
       AND (p.hosted_messages IS NULL OR l.position <= p.hosted_messages)
    RETURNING l.*
)
UPDATE hosting_message m SET kind = d.kind, text = d.text, content = d.content
  FROM due d WHERE m.business_id = d.business_id AND m.id = d.message_id
RETURNING m.conversation_id, m.number_id, m.wamid, m.kind, m.context_wamid
