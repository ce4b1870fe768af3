-- Promises: the next open recipients of a broadcast, in the list's order, are this transaction's alone; and whether each
-- has come to want no marketing since the list was read.
SELECT r.id, r.wa_id, r.variables,
       %(is_marketing)s AND EXISTS (SELECT FROM hosting_contact c
                                     WHERE c.business_id = %(business_id)s AND c.wa_id = r.wa_id
                                       AND c.opted_out_at IS NOT NULL)
  FROM hosting_broadcastrecipient r
 WHERE r.broadcast_id = %(broadcast_id)s AND r.state = 'open' AND (r.not_before IS NULL OR r.not_before <= statement_timestamp())
 ORDER BY r.id LIMIT %(limit)s
   FOR UPDATE OF r
