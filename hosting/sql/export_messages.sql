-- Promises: the next messages of some conversations after a place in them, in the order of conversations and ids, each with
-- its number, customer, author and stored file.
SELECT m.id, m.conversation_id, n.digits, c.wa_id, c.user_id, c.name, m.wamid, m.direction, m.kind, m.text, m.content::text,
       m.context_wamid, m.tracker, m.category, m.window_open, m.free_entry_at, coalesce(u.email, ''), m.status,
       m.errors::text, m.created_at, m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.edited_at, m.revoked_at,
       x.media_id, x.mime_type, x.filename, x.size, x.sha256
  FROM hosting_message m
  JOIN hosting_number n ON n.business_id = m.business_id AND n.id = m.number_id
  JOIN hosting_contact c ON c.business_id = m.business_id AND c.id = m.contact_id
  LEFT JOIN accounts_user u ON u.id = m.author_id
  LEFT JOIN hosting_media x
    ON x.media_id = m.content ->> 'id' AND x.business_id = m.business_id AND x.deleted_at IS NULL AND x.is_ready
   AND m.kind IN ('image', 'video', 'audio', 'document', 'sticker')
 WHERE m.business_id = %(business_id)s AND m.conversation_id = ANY (%(conversations)s)
   AND (m.conversation_id, m.id) > (%(conversation)s, %(after)s)
   AND m.created_at >= coalesce(%(since)s::timestamptz, '-infinity')
   AND m.created_at < coalesce(%(until)s::timestamptz, 'infinity')
 ORDER BY m.conversation_id, m.id
 LIMIT %(limit)s
