-- Promises: of messages that were just written, the newest ones over the plan's limit are locked: what they say moves
-- to a row of its own, and of the message nothing is left but that it came. Changes of numbers are never locked, nor
-- are reactions, edits and revocations of what can be read. The month's count is locked by its row until commit, so
-- the limit is exact however many write at once.
-- Input: one element a business and month in `business_ids`, `months`, `totals` (the count now) and `overs` (how many of
-- the new are over); the new messages by number and id. Output: what was locked.
WITH fresh AS (
    SELECT m.*, o.month, o.total, o.over, b.grace,
           row_number() OVER (PARTITION BY m.business_id, o.month ORDER BY m.id DESC) AS back
      FROM unnest(%(number_ids)s::bigint[], %(wamids)s::text[]) AS u (number_id, wamid)
      JOIN hosting_message m ON m.number_id = u.number_id AND m.wamid = u.wamid
      JOIN unnest(%(business_ids)s::bigint[], %(months)s::date[], %(totals)s::bigint[], %(overs)s::bigint[])
           AS o (business_id, month, total, over)
        ON o.business_id = m.business_id AND o.month = date_trunc('month', m.created_at AT TIME ZONE 'UTC')::date
      JOIN LATERAL (SELECT make_interval(days => p.grace_days) AS grace
                      FROM accounts_business x JOIN accounts_plan p ON p.code = x.plan_id
                     WHERE x.id = m.business_id) b ON true
), chosen AS (
    SELECT f.* FROM fresh f
     WHERE f.back <= f.over AND f.kind <> 'system'
       AND (f.kind NOT IN ('reaction', 'edit', 'revoke')
            OR EXISTS (SELECT FROM fresh t WHERE t.number_id = f.number_id AND t.wamid = f.context_wamid AND t.back <= t.over)
            OR EXISTS (SELECT FROM hosting_message t JOIN hosting_lockedmessage l
                         ON l.business_id = t.business_id AND l.message_id = t.id
                        WHERE t.number_id = f.number_id AND t.wamid = f.context_wamid))
), kept AS (
    INSERT INTO hosting_lockedmessage
        (message_id, business_id, conversation_id, month, position, kind, text, content, keep_until)
    SELECT id, business_id, conversation_id, month, total - back + 1, kind, text, content, created_at + grace FROM chosen
)
UPDATE hosting_message m SET kind = 'locked', text = '', content = '{}'
  FROM chosen c WHERE m.business_id = c.business_id AND m.id = c.id
RETURNING m.number_id, m.wamid, m.conversation_id
