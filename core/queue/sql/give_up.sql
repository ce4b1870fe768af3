-- Promises: rows that this transaction has locked are dead letters, each with its reason.
UPDATE {table} q
   SET dead_at = statement_timestamp(), leased_until = NULL, leased_by = NULL, last_error = mine.reason{on_death}
  FROM unnest(%(keys)s::bigint[], %(owners)s::bigint[], %(reasons)s::text[]) AS mine (key, owner, reason)
 WHERE q.{key} = ANY (%(keys)s::bigint[]) AND q.{key} = mine.key AND {owner} = mine.owner AND q.leased_until IS NOT NULL
