-- Promises: every address of the list is an open recipient of the broadcast; one statement for the whole list.
INSERT INTO hosting_broadcastrecipient (business_id, broadcast_id, row, wa_id, variables, state, reason)
SELECT %(business_id)s, %(broadcast_id)s, l.row, l.wa_id, l.variables::jsonb, 'open', ''
  FROM unnest(%(rows)s::int[], %(wa_ids)s::text[], %(variables)s::text[]) AS l (row, wa_id, variables)
 ORDER BY l.row
