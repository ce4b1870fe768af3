-- Promises: the lease of a row that is still this worker's is prolonged; its attempts are counted from
-- 0 again where the progress is `fresh`. Output: the new fencing token, or no row.
UPDATE {table} q
   SET attempts = CASE WHEN %(fresh)s THEN 0 ELSE q.attempts END,
       leased_until = clock_timestamp() + make_interval(secs => %(lease)s)
  FROM unnest(%(keys)s::bigint[], %(owners)s::bigint[], %(attempts)s::int[],
              %(leases)s::timestamptz[]) AS mine (key, owner, attempt, lease)
 WHERE q.{key} = ANY (%(keys)s::bigint[]) AND q.{key} = mine.key AND {owner} = mine.owner AND {is_open}
   AND q.attempts = mine.attempt AND q.leased_until = mine.lease
RETURNING q.attempts, q.leased_until
