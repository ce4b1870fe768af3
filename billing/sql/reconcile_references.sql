-- Promises: what busy tables name without a foreign key is there, and of the same business: such keys
-- would cost each insert more than they are worth, so it is looked up here instead. Not looked for are
-- messages that ledger and queues name: those may be gone. Input: a month (of messages, UTC, and
-- charges), or NULL for all. Output: for each business and reference what is expected and what was found.
WITH stray AS (
    SELECT m.business_id, missing.reference, m.id
      FROM hosting_message m
      LEFT JOIN hosting_number n ON n.business_id = m.business_id AND n.id = m.number_id
      LEFT JOIN hosting_contact c ON c.business_id = m.business_id AND c.id = m.contact_id
      LEFT JOIN hosting_template t ON t.business_id = m.business_id AND t.id = m.template_id
     CROSS JOIN LATERAL (VALUES ('numbers of messages', n.id IS NULL), ('contacts of messages', c.id IS NULL),
                                ('templates of messages', m.template_id IS NOT NULL AND t.id IS NULL))
                        AS missing (reference, is_so)
     WHERE missing.is_so
       AND (%(month)s::date IS NULL OR (m.created_at >= %(month)s::date::timestamp AT TIME ZONE 'UTC'
            AND m.created_at < (%(month)s::date + interval '1 month') AT TIME ZONE 'UTC'))
     UNION ALL
    SELECT o.business_id, 'numbers of waiting messages', o.message_id
      FROM hosting_outgoing o LEFT JOIN hosting_number n ON n.business_id = o.business_id AND n.id = o.number_id
     WHERE n.id IS NULL
     UNION ALL
    SELECT l.business_id, 'conversations of locked messages', l.message_id
      FROM hosting_lockedmessage l
      LEFT JOIN hosting_conversation v ON v.business_id = l.business_id AND v.id = l.conversation_id
     WHERE v.id IS NULL
     UNION ALL
    SELECT d.business_id, 'numbers of deliveries', d.id
      FROM hosting_delivery d LEFT JOIN hosting_number n ON n.business_id = d.business_id AND n.id = d.number_id
     WHERE n.id IS NULL
     UNION ALL
    SELECT c.business_id, missing.reference, c.id
      FROM billing_charge c
      LEFT JOIN billing_cardversion v ON v.id = c.version_id
      LEFT JOIN billing_charge r ON r.business_id = c.business_id AND r.id = c.reverses_id
     CROSS JOIN LATERAL (VALUES ('card versions of charges', v.id IS NULL),
                                ('charges that charges reverse', c.reverses_id IS NOT NULL AND r.id IS NULL))
                        AS missing (reference, is_so)
     WHERE missing.is_so AND (%(month)s::date IS NULL OR c.month = %(month)s::date)
)
SELECT business_id, reference, 'none missing', count(*) || ' missing, the first at id ' || min(id)
  FROM stray GROUP BY business_id, reference ORDER BY business_id, reference
