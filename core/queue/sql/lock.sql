-- Promises: of the rows claimed, those whose attempt number and lease are still the claim's stay
-- this transaction's until it ends; a worker that slept past its lease finds other numbers, and
-- none of its rows. A worker that stops within the transaction loses its session, and with it the
-- rows, after %(idle)s milliseconds. The keys are named twice: without statistics (a table that grew
-- just now) the planner may compare each row with each claim, and then these are few.
SELECT q.{key}, q.attempts, q.leased_until
  FROM {table} q
  JOIN unnest(%(keys)s::bigint[], %(owners)s::bigint[], %(attempts)s::int[], %(leases)s::timestamptz[])
           AS mine (key, owner, attempt, lease)
    ON q.{key} = mine.key AND {owner} = mine.owner AND q.attempts = mine.attempt AND q.leased_until = mine.lease
 WHERE q.{key} = ANY (%(keys)s::bigint[]) AND {is_held} AND set_config('idle_in_transaction_session_timeout', %(idle)s, true) IS NOT NULL
 ORDER BY q.{key}
   FOR NO KEY UPDATE OF q
