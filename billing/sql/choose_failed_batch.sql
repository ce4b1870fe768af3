-- Promises: one batch that failed before, or whose session ended without a word, is this session's;
-- the attempt is counted. Those that were tried less often go first. Run under the advisory lock of
-- metering; one that is being ended just now is skipped.
-- Output: the batch, and whether its last session ended without a word.
UPDATE billing_meterbatch b
   SET attempts = b.attempts + 1, leased_by = pg_backend_pid(),
       leased_until = statement_timestamp() + make_interval(secs => %(lease)s)
  FROM (SELECT id, leased_until IS NOT NULL AS was_lost FROM billing_meterbatch
         WHERE not_before <= statement_timestamp()
           AND (leased_until IS NULL OR leased_until <= statement_timestamp()
                OR leased_by <> ALL (ARRAY(SELECT pid FROM pg_stat_activity)))
         ORDER BY attempts, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) mine
 WHERE b.id = mine.id
RETURNING b.id, b.attempts, mine.was_lost
