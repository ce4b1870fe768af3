-- Promises: what became of each claimed recipient is written down, in the transaction that wrote their messages.
UPDATE hosting_broadcastrecipient r
   SET state = d.state, reason = d.reason, message_id = d.message_id, done_at = %(at)s
  FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(message_ids)s::bigint[])
       AS d (id, state, reason, message_id)
 WHERE r.id = d.id AND r.state = 'open'
