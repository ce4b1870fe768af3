-- Promises: recipients whom the number has blocked, and for marketing those who want none, are gone from the draft.
-- Output: how many were blocked, and how many had opted out (a customer who is both counts as blocked).
WITH gone AS (
    DELETE FROM hosting_broadcastrecipient r
     WHERE r.broadcast_id = %(broadcast_id)s AND r.state = 'open'
       AND (EXISTS (SELECT FROM hosting_block b WHERE b.number_id = %(number_id)s AND b.wa_id = r.wa_id)
            OR (%(is_marketing)s
                AND EXISTS (SELECT FROM hosting_contact c
                             WHERE c.business_id = %(business_id)s AND c.wa_id = r.wa_id AND c.opted_out_at IS NOT NULL)))
    RETURNING EXISTS (SELECT FROM hosting_block b WHERE b.number_id = %(number_id)s AND b.wa_id = r.wa_id) AS is_blocked
)
SELECT count(*) FILTER (WHERE is_blocked), count(*) FILTER (WHERE NOT is_blocked) FROM gone
