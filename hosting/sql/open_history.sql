-- Promises: every customer of the set of past messages exists; those that exist stay as they are. Output: ids of those made.
INSERT INTO hosting_contact (business_id, wa_id, user_id, name, created_at)
SELECT DISTINCT ON (wa_id) %(business_id)s, wa_id, user_id, name, created_at FROM history_set ORDER BY wa_id, created_at
ON CONFLICT (business_id, wa_id) DO NOTHING
RETURNING id
