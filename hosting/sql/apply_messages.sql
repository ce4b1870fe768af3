-- Promises: each inbound message is in its conversation exactly once, whatever was sent twice; contacts and
-- conversations exist; list order, preview, unread count, 24-hour window and the month's count follow from the rows
-- that were really new. Input: parallel arrays, one element a message. Output: the conversations that changed, last
-- the positions (from 1) in the input of the messages that were new.
WITH incoming AS (
    SELECT *, row_number() OVER (PARTITION BY number_id, wamid ORDER BY n) AS copy
      FROM unnest(%(business_ids)s::bigint[], %(number_ids)s::bigint[], %(wamids)s::text[], %(wa_ids)s::text[],
                  %(user_ids)s::text[], %(names)s::text[], %(kinds)s::text[], %(texts)s::text[], %(previews)s::text[],
                  %(contents)s::text[], %(contexts)s::text[], %(times)s::timestamptz[], %(referred)s::boolean[])
           WITH ORDINALITY AS u (business_id, number_id, wamid, wa_id, user_id, name, kind, text, preview, content,
                                 context_wamid, created_at, is_referred, n)
), people AS (
    SELECT DISTINCT ON (business_id, wa_id) business_id, wa_id, user_id, name, created_at
      FROM incoming ORDER BY business_id, wa_id, n DESC
), contact AS (
    INSERT INTO hosting_contact AS c (business_id, wa_id, user_id, name, created_at)
    SELECT business_id, wa_id, user_id, name, created_at FROM people ORDER BY business_id, wa_id
    ON CONFLICT (business_id, wa_id) DO UPDATE
       SET name = coalesce(nullif(EXCLUDED.name, ''), c.name),
           user_id = coalesce(nullif(EXCLUDED.user_id, ''), c.user_id)
    RETURNING c.id, c.business_id, c.wa_id
), thread AS (
    INSERT INTO hosting_conversation AS v
        (business_id, number_id, contact_id, public_id, created_at, last_message_at, last_message_text, unread_count,
         is_resolved)
    SELECT DISTINCT ON (i.number_id, p.id)
           i.business_id, i.number_id, p.id, gen_random_uuid(), i.created_at, i.created_at, '', 0, false
      FROM incoming i JOIN contact p USING (business_id, wa_id)
     ORDER BY i.number_id, p.id, i.created_at
    ON CONFLICT (number_id, contact_id) DO UPDATE SET number_id = EXCLUDED.number_id
    RETURNING v.id, v.number_id, v.contact_id, v.public_id
), written AS (
    INSERT INTO hosting_message
        (business_id, conversation_id, number_id, contact_id, wamid, direction, kind, text, content, context_wamid,
         tracker, category, window_open, status, created_at)
    SELECT i.business_id, t.id, i.number_id, p.id, i.wamid, 'in', i.kind, i.text, i.content::jsonb, i.context_wamid,
           '', '', true, 'received', i.created_at
      FROM incoming i
      JOIN contact p USING (business_id, wa_id)
      JOIN thread t ON t.number_id = i.number_id AND t.contact_id = p.id
     WHERE i.copy = 1
     ORDER BY i.n
    ON CONFLICT (number_id, wamid) DO NOTHING
    RETURNING id, business_id, conversation_id, number_id, wamid, created_at
), counted AS (
    INSERT INTO hosting_hostedcount AS h (business_id, month, messages)
    SELECT business_id, date_trunc('month', created_at AT TIME ZONE 'UTC')::date, count(*)
      FROM written GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (business_id, month) DO UPDATE SET messages = h.messages + EXCLUDED.messages
)
SELECT w.business_id, w.conversation_id, t.public_id::text, count(*) AS messages, max(w.created_at) AS latest,
       (array_agg(i.preview ORDER BY w.created_at DESC, i.n DESC))[1] AS preview,
       max(w.created_at) FILTER (WHERE i.is_referred) AS referred_at,
       array_agg(i.n) AS positions
  FROM written w
  JOIN thread t ON t.id = w.conversation_id
  JOIN incoming i ON i.number_id = w.number_id AND i.wamid = w.wamid AND i.copy = 1
 GROUP BY 1, 2, 3
