-- Promises: the contact of this business with these digits and its conversation on this number, made if they were not
-- there (most sends go to a known customer: then nothing is written): the windows, whether the customer is blocked, and
-- the template of that name and language, if one is asked for. A customer is named by digits (`wa_id`) or by user id;
-- the second number of a merged customer leads to their first.
WITH named AS (
    SELECT p.id, p.wa_id, p.network_wa_id FROM hosting_contact p WHERE p.business_id = %(business_id)s AND p.wa_id = %(wa_id)s
     UNION ALL
    SELECT p.id, p.wa_id, p.network_wa_id
      FROM hosting_formernumber f
      JOIN hosting_contact p ON p.business_id = f.business_id AND p.id = f.contact_id
     WHERE f.business_id = %(business_id)s AND f.wa_id = %(wa_id)s AND f.changed_at IS NULL
     LIMIT 1
), known AS (
    SELECT p.id, p.wa_id, p.network_wa_id, c.id AS conversation_id, c.public_id, c.last_inbound_at, c.is_window_proven,
           c.referred_at, c.free_entry_at
      FROM named p
      LEFT JOIN hosting_conversation c ON c.contact_id = p.id AND c.number_id = %(number_id)s
), made_contact AS (
    INSERT INTO hosting_contact (business_id, wa_id, user_id, name, created_at)
    SELECT %(business_id)s, %(wa_id)s, %(user_id)s, '', %(at)s WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (business_id, wa_id) DO UPDATE SET wa_id = EXCLUDED.wa_id
    RETURNING id
), made_conversation AS (
    INSERT INTO hosting_conversation
        (business_id, number_id, contact_id, public_id, created_at, last_message_at, last_message_text, unread_count,
         is_resolved)
    SELECT %(business_id)s, %(number_id)s, p.id, gen_random_uuid(), %(at)s, %(at)s, '', 0, false
      FROM (SELECT id FROM made_contact UNION ALL SELECT id FROM known WHERE conversation_id IS NULL) p
    ON CONFLICT (number_id, contact_id) DO UPDATE SET number_id = EXCLUDED.number_id
    RETURNING id, public_id, contact_id, last_inbound_at, is_window_proven, referred_at, free_entry_at
)
SELECT c.id, c.public_id, c.contact_id, c.last_inbound_at, c.is_window_proven, c.referred_at, c.free_entry_at, who.wa_id,
       (SELECT network_wa_id FROM known) AS network_wa_id,
       EXISTS (SELECT FROM hosting_block b
                WHERE b.number_id = %(number_id)s AND b.wa_id IN (%(wa_id)s, who.wa_id)),
       t.id, t.name, t.language, t.category, t.status, t.components
  FROM (SELECT * FROM made_conversation
         UNION ALL
        SELECT conversation_id, public_id, id, last_inbound_at, is_window_proven, referred_at, free_entry_at
          FROM known WHERE conversation_id IS NOT NULL) c
  CROSS JOIN (SELECT coalesce((SELECT wa_id FROM known), %(wa_id)s::text) AS wa_id) who
  LEFT JOIN hosting_template t
    ON t.account_id = %(account_id)s AND t.name = %(template)s AND t.language = %(language)s
