-- Promises: a broadcast whose turn has come is running, with the moment at which it first was, and
-- what was done before it last went on.
UPDATE hosting_broadcast b
   SET state = 'running', started_at = coalesce(b.started_at, coalesce(z.clock_at, now())),
       resumed_from = CASE WHEN b.resumed_at IS NULL THEN b.sent + b.failed + b.skipped ELSE b.resumed_from END,
       resumed_at = coalesce(b.resumed_at, statement_timestamp())
  FROM accounts_business z
 WHERE z.id = b.business_id AND b.business_id = %(business_id)s AND b.id = %(broadcast_id)s
