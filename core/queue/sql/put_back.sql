-- Promises: rows that this transaction has locked wait again, for so many seconds each; attempts
-- are counted anew where `fresh` says so.
UPDATE {table} q
   SET not_before = statement_timestamp() + make_interval(secs => mine.delay), leased_until = NULL, leased_by = NULL,
       last_error = mine.reason, attempts = CASE WHEN mine.fresh THEN 0 ELSE q.attempts END{on_release}
  FROM unnest(%(keys)s::bigint[], %(owners)s::bigint[], %(delays)s::float[], %(reasons)s::text[], %(fresh)s::boolean[])
           AS mine (key, owner, delay, reason, fresh)
 WHERE q.{key} = ANY (%(keys)s::bigint[]) AND q.{key} = mine.key AND {owner} = mine.owner AND q.leased_until IS NOT NULL
