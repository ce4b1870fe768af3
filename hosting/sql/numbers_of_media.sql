-- Promises: ids of a business's numbers that refer to a file: by a message of their own, by a header
-- or card of one, or by their profile's picture.
SELECT m.number_id FROM hosting_message m
 WHERE m.business_id = %(business_id)s AND m.content ->> 'id' = %(media_id)s
   AND m.kind IN ('image', 'audio', 'video', 'document', 'sticker')
UNION
SELECT m.number_id FROM hosting_message m
 WHERE m.business_id = %(business_id)s AND m.kind IN ('template', 'interactive')
   AND jsonb_path_exists(m.content, '$.**.id ? (@ == $id)',
                         jsonb_build_object('id', %(media_id)s::text))
UNION
SELECT n.id FROM hosting_number n
 WHERE n.business_id = %(business_id)s AND n.profile ->> 'profile_picture_handle' LIKE %(handle)s
