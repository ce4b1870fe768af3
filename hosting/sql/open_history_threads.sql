-- Promises: every conversation of the set of past messages exists; new ones are resolved: nothing waits in them. A separate
-- statement, because it must see the customers that were just made. Output: ids of those made.
INSERT INTO hosting_conversation
    (business_id, number_id, contact_id, public_id, created_at, last_message_at, last_message_text, unread_count, is_resolved)
SELECT %(business_id)s, s.number_id, c.id, gen_random_uuid(), min(s.created_at), min(s.created_at), '', 0, true
  FROM history_set s
  JOIN hosting_contact c ON c.business_id = %(business_id)s AND c.wa_id = s.wa_id
 GROUP BY s.number_id, c.id
 ORDER BY min(s.n)
ON CONFLICT (number_id, contact_id) DO NOTHING
RETURNING id
