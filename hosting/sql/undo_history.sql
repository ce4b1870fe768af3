-- Promises: up to `limit` messages of one import go, and with them the ids of their files are no longer referenced. Output: how many,
-- the conversations they were in, the ids of their files.
WITH gone AS (
    DELETE FROM hosting_message
     WHERE business_id = %(business_id)s
       AND id = ANY (ARRAY(SELECT id FROM hosting_message
                            WHERE business_id = %(business_id)s AND id BETWEEN %(first_id)s AND %(last_id)s
                              AND imported_from_id = %(import_id)s
                            ORDER BY id DESC LIMIT %(limit)s))
    RETURNING conversation_id, kind, content ->> 'id' AS media_id
)
SELECT count(*), array_agg(DISTINCT conversation_id),
       array_agg(media_id) FILTER (WHERE media_id IS NOT NULL
                                     AND kind IN ('image', 'video', 'audio', 'document', 'sticker'))
  FROM gone
