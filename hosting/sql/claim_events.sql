-- Promises: up to `limit` open events belong to this caller until their lease ends. The attempt is counted before
-- the work, in a transaction of its own, so an event that kills its worker cannot do so for ever; one that has
-- failed before is claimed alone, so that it cannot take its neighbours with it.
WITH due AS (
    SELECT id, attempts FROM hosting_event
     WHERE applied_at IS NULL AND NOT is_dead AND not_before <= now()
     ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), chosen AS (
    SELECT id FROM due WHERE attempts = 0 AND (SELECT attempts FROM due ORDER BY id LIMIT 1) = 0
    UNION
    SELECT id FROM (SELECT id, attempts FROM due ORDER BY id LIMIT 1) first WHERE first.attempts > 0
)
UPDATE hosting_event e
   SET attempts = e.attempts + 1, not_before = now() + make_interval(secs => %(lease)s)
  FROM chosen
 WHERE e.id = chosen.id
RETURNING e.id, e.attempts, e.account_id, e.body, e.received_at
