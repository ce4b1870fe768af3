-- Promises: the contact and conversation as they are, without writing (most sends go to a known customer): the windows,
-- whether the customer is blocked, and the template of that name and language, if one is asked for; no row where the
-- conversation is new. A customer is named by digits (`wa_id`) or by user id.
SELECT c.id, c.public_id, c.contact_id, c.last_inbound_at, c.referred_at, c.free_entry_at, p.wa_id,
       EXISTS (SELECT FROM hosting_block b WHERE b.number_id = %(number_id)s AND b.wa_id = p.wa_id),
       t.id, t.name, t.language, t.category, t.status, t.components
  FROM hosting_contact p
  JOIN hosting_conversation c ON c.contact_id = p.id AND c.number_id = %(number_id)s
  LEFT JOIN hosting_template t
    ON t.account_id = %(account_id)s AND t.name = %(template)s AND t.language = %(language)s
 WHERE p.business_id = %(business_id)s AND p.wa_id = %(wa_id)s
