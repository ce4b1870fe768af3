-- Promises: each past message of the set is in its conversation exactly once, whatever was imported twice; ids are dealt in
-- the order of the file from the sequence `ids`: for imports the one below all live messages; nothing is queued, counted, metered or announced to anybody.
-- Output: per conversation how many were new, their ids' range, the earliest and latest moment, the latest one's preview.
WITH written AS (
    INSERT INTO hosting_message
        (id, business_id, conversation_id, number_id, contact_id, wamid, direction, kind, text, content, context_wamid,
         tracker, category, window_open, free_entry_at, template_id, author_id, status, errors, created_at, sent_at,
         delivered_at, read_at, failed_at, edited_at, revoked_at, imported_from_id)
    SELECT nextval(%(ids)s::regclass), %(business_id)s, s.conversation_id, s.number_id, s.contact_id, s.wamid,
           s.direction, s.kind, s.text, s.content, s.context_wamid, s.tracker, s.category, s.window_open, s.free_entry_at,
           s.template_id, s.author_id, s.status, s.errors, s.created_at, s.sent_at, s.delivered_at, s.read_at, s.failed_at,
           s.edited_at, s.revoked_at, %(import_id)s
      FROM (SELECT h.*, c.id AS contact_id, v.id AS conversation_id
              FROM history_set h
              JOIN hosting_contact c ON c.business_id = %(business_id)s AND c.wa_id = h.wa_id
              JOIN hosting_conversation v ON v.number_id = h.number_id AND v.contact_id = c.id
             ORDER BY h.n) s
    ON CONFLICT (number_id, wamid) DO NOTHING
    RETURNING id, conversation_id, kind, text, created_at
)
SELECT conversation_id, count(*), min(id), max(id), min(created_at), max(created_at),
       (array_agg(left(replace(coalesce(nullif(text, ''), '[' || kind || ']'), E'\n', ' '), 120)
                  ORDER BY created_at DESC, id DESC))[1]
  FROM written GROUP BY 1
