-- Promises: of the open jobs in {table}, the one whose turn is longest ago belongs to this worker alone for a minute; the
-- attempt counts before anything is tried. Output: its id, or no row.
UPDATE {table} SET token = gen_random_uuid(), lease_until = statement_timestamp() + interval '60 seconds', attempts = attempts + 1,
       started_at = coalesce(started_at, statement_timestamp())
 WHERE id = (SELECT id FROM {table}
              WHERE state = ANY (%(states)s) AND turn_at <= statement_timestamp() AND (lease_until IS NULL OR lease_until < statement_timestamp())
              ORDER BY turn_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
