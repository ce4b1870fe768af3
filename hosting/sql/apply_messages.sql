-- Promises: each inbound message is in its conversation exactly once, whatever was sent twice; contacts and
-- conversations exist; list order, preview, unread count, 24-hour window and the month's count follow from the rows
-- that were really new. Input: a JSON array, one object a message, numbered from 1. Output: the conversations that
-- changed; `over`, which is the same in every row: business, month, count and how many of the new are over the plan's
-- limit, where there are any; last the numbers of the messages that were new.
-- Most customers are known: those are looked up (laterally, so by index at any size) and only the others written.
WITH incoming AS (
    SELECT *, row_number() OVER (PARTITION BY number_id, wamid ORDER BY n) AS copy
      FROM json_to_recordset(%s::json)
           AS u (n int, business_id bigint, number_id bigint, wamid text, wa_id text, user_id text, stand_in text,
                 name text, username text, network_wa_id text, kind text, text text,
                 preview text, content jsonb, context_wamid text, created_at timestamptz, is_referred boolean,
                 opens_window boolean, is_proven boolean)
), people AS (
    SELECT business_id, wa_id, min(stand_in) AS stand_in, min(created_at) AS created_at,
           coalesce((array_agg(name ORDER BY created_at DESC, n DESC) FILTER (WHERE name <> ''))[1], '') AS name,
           coalesce((array_agg(username ORDER BY created_at DESC, n DESC) FILTER (WHERE name <> ''))[1], '') AS username,
           max(created_at) FILTER (WHERE name <> '') AS named_at,
           coalesce((array_agg(user_id ORDER BY created_at DESC, n DESC) FILTER (WHERE user_id <> ''))[1], '') AS user_id,
           max(created_at) FILTER (WHERE user_id <> '') AS identified_at,
           -- The form that the number was last written in: what is sent goes to that.
           (array_agg(network_wa_id ORDER BY created_at DESC, n DESC) FILTER (WHERE network_wa_id IS NOT NULL))[1]
               AS written_wa_id
      FROM incoming GROUP BY business_id, wa_id
), known AS (
    SELECT p.*, c.id, c.name AS old_name, c.username AS old_username, c.user_id AS old_user_id,
           coalesce(p.written_wa_id, c.network_wa_id, '') AS network_wa_id, c.network_wa_id AS old_network_wa_id
      FROM people p
      LEFT JOIN LATERAL (SELECT * FROM hosting_contact x
                          WHERE x.business_id = p.business_id AND x.wa_id = p.wa_id LIMIT 1) c ON true
), told AS (
    -- What came late does not undo what a later message said of its sender: asked only where the two differ.
    SELECT k.*,
           k.name <> '' AND (k.name, k.username) <> (k.old_name, k.old_username)
               AND (k.old_name = '' OR NOT EXISTS (
                    SELECT FROM hosting_conversation v JOIN hosting_message m ON m.conversation_id = v.id
                     WHERE v.contact_id = k.id AND v.last_inbound_at > k.named_at AND m.direction = 'in'
                       AND m.created_at > k.named_at AND m.kind <> 'system')) AS is_renamed,
           k.user_id NOT IN ('', k.old_user_id)
               AND (k.old_user_id IN ('', k.stand_in) OR NOT EXISTS (
                    SELECT FROM hosting_conversation v JOIN hosting_message m ON m.conversation_id = v.id
                     WHERE v.contact_id = k.id AND v.last_inbound_at > k.identified_at AND m.direction = 'in'
                       AND m.created_at > k.identified_at
                       AND (m.kind <> 'system' OR m.content ? 'user_id'))) AS is_identified
      FROM known k
), changed AS (
    INSERT INTO hosting_contact AS c (business_id, wa_id, network_wa_id, user_id, name, username, created_at)
    SELECT business_id, wa_id, network_wa_id,
           CASE WHEN id IS NULL OR is_identified THEN coalesce(nullif(user_id, ''), stand_in) ELSE old_user_id END,
           CASE WHEN id IS NULL OR is_renamed THEN name ELSE old_name END,
           CASE WHEN id IS NULL OR is_renamed THEN username ELSE old_username END, created_at
      FROM told WHERE id IS NULL OR is_renamed OR is_identified OR network_wa_id <> old_network_wa_id
     ORDER BY business_id, wa_id
    ON CONFLICT (business_id, wa_id) DO UPDATE
       SET name = coalesce(nullif(EXCLUDED.name, ''), c.name),
           username = CASE WHEN EXCLUDED.name = '' THEN c.username ELSE EXCLUDED.username END,
           user_id = coalesce(nullif(EXCLUDED.user_id, ''), c.user_id),
           network_wa_id = EXCLUDED.network_wa_id
    RETURNING c.id, c.business_id, c.wa_id
), contact AS (
    SELECT id, business_id, wa_id FROM changed
    UNION
    SELECT id, business_id, wa_id FROM known WHERE id IS NOT NULL
), pair AS (
    SELECT DISTINCT ON (i.number_id, p.id) i.business_id, i.number_id, p.id AS contact_id, i.created_at
      FROM incoming i JOIN contact p USING (business_id, wa_id)
     ORDER BY i.number_id, p.id, i.created_at
), open AS (
    SELECT p.*, v.id, v.public_id
      FROM pair p
      LEFT JOIN LATERAL (SELECT * FROM hosting_conversation x
                          WHERE x.number_id = p.number_id AND x.contact_id = p.contact_id LIMIT 1) v ON true
), opened AS (
    INSERT INTO hosting_conversation AS v
        (business_id, number_id, contact_id, public_id, created_at, last_message_at, last_message_text, unread_count,
         is_resolved)
    SELECT business_id, number_id, contact_id, gen_random_uuid(), created_at, created_at, '', 0, false
      FROM open WHERE id IS NULL ORDER BY number_id, contact_id
    ON CONFLICT (number_id, contact_id) DO UPDATE SET number_id = EXCLUDED.number_id
    RETURNING v.id, v.number_id, v.contact_id, v.public_id
), thread AS (
    SELECT id, number_id, contact_id, public_id FROM opened
    UNION ALL
    SELECT id, number_id, contact_id, public_id FROM open WHERE id IS NOT NULL
), written AS (
    INSERT INTO hosting_message
        (business_id, conversation_id, number_id, contact_id, wamid, direction, kind, text, content, context_wamid,
         tracker, category, window_open, status, created_at)
    SELECT i.business_id, t.id, i.number_id, p.id, i.wamid, 'in', i.kind, i.text, i.content, i.context_wamid,
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
    RETURNING h.business_id, h.month, h.messages
), over AS (
    SELECT json_agg(json_build_array(c.business_id, c.month, c.messages,
                                     least(c.messages - p.hosted_messages, a.messages))) AS over
      FROM counted c
      JOIN accounts_business b ON b.id = c.business_id
      JOIN accounts_plan p ON p.code = b.plan_id AND c.messages > p.hosted_messages
      JOIN (SELECT business_id, date_trunc('month', created_at AT TIME ZONE 'UTC')::date AS month, count(*) AS messages
              FROM written GROUP BY 1, 2) a ON a.business_id = c.business_id AND a.month = c.month
)
SELECT w.business_id, w.conversation_id, t.public_id::text, count(*) AS messages, max(w.created_at) AS latest,
       (array_agg(i.preview ORDER BY w.created_at DESC, i.n DESC))[1] AS preview,
       max(w.created_at) FILTER (WHERE i.is_referred) AS referred_at,
       max(w.created_at) FILTER (WHERE i.opens_window) AS opened_at,
       max(w.created_at) FILTER (WHERE i.is_proven) AS proven_at,
       (SELECT over FROM over) AS over,
       array_agg(i.n) AS positions
  FROM written w
  JOIN thread t ON t.id = w.conversation_id
  JOIN incoming i ON i.number_id = w.number_id AND i.wamid = w.wamid AND i.copy = 1
 GROUP BY 1, 2, 3
