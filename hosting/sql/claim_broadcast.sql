-- Promises: of the broadcasts that are due, the one whose turn is longest ago is this transaction's alone, until it ends.
-- Output: its id and business, or no row.
UPDATE hosting_broadcast b
   SET state = 'running', started_at = coalesce(b.started_at, coalesce(z.clock_at, now())),
       resumed_from = CASE WHEN b.resumed_at IS NULL THEN b.sent + b.failed + b.skipped ELSE b.resumed_from END,
       resumed_at = coalesce(b.resumed_at, statement_timestamp()), turn_at = clock_timestamp()
  FROM accounts_business z
 WHERE z.id = b.business_id
   AND b.id = (SELECT w.id FROM hosting_broadcast w
                 JOIN accounts_business y ON y.id = w.business_id
                WHERE w.state IN ('scheduled', 'running') AND w.turn_at <= statement_timestamp()
                  AND w.starts_at <= coalesce(y.clock_at, statement_timestamp())
                ORDER BY w.turn_at LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
RETURNING b.id, b.business_id
