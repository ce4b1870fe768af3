-- Promises: of these files of a business, those that no message names, in whatever place, and no other row whose
-- column may name a file: an id has 15 digits, and stands behind `4::` in a handle. Messages with a file of their own are found by the index message_media;
-- templates and interactive messages with one in a header or card by message_nested_media, which has no others.
SELECT u.id
  FROM unnest(%(ids)s::text[]) AS u (id)
 WHERE NOT EXISTS (SELECT FROM hosting_message m
                    WHERE m.business_id = %(business_id)s AND m.content ->> 'id' = u.id
                      AND m.kind IN ('image', 'audio', 'video', 'document', 'sticker'))
   AND NOT EXISTS (SELECT FROM hosting_message m
                    WHERE m.business_id = %(business_id)s AND hosting_has_nested_media(m.kind, m.content)
                      AND jsonb_path_exists(m.content, '$.**.id ? (@ == $id || @ == $n)',
                                            jsonb_build_object('id', u.id, 'n', CASE WHEN u.id ~ '^[0-9]+$' THEN u.id::numeric END)))
   AND NOT EXISTS (SELECT FROM hosting_lockedmessage t WHERE t.business_id = %(business_id)s
                      AND t.content::text ~ ('(^|[^0-9])' || u.id || '([^0-9]|$)'))
   AND NOT EXISTS (SELECT FROM hosting_rejectedsend t WHERE t.business_id = %(business_id)s
                      AND t.content::text ~ ('(^|[^0-9])' || u.id || '([^0-9]|$)'))
   AND NOT EXISTS (SELECT FROM hosting_template t WHERE t.business_id = %(business_id)s
                      AND t.components::text ~ ('(^|[^0-9])' || u.id || '([^0-9]|$)'))
   AND NOT EXISTS (SELECT FROM hosting_number t WHERE t.business_id = %(business_id)s
                      AND t.profile::text ~ ('(^|[^0-9])' || u.id || '([^0-9]|$)'))
