-- Promises: the rows chosen belong to this session until their lease ends; the attempt is counted
-- before the work begins. A row that was tried before comes alone or not at all (`{wanted}`).
-- Output: the fencing token of each row. Arrays, as no planner can know how few rows they are.
WITH due AS MATERIALIZED (
{selection}
), chosen AS MATERIALIZED (
    SELECT key, owner FROM due WHERE {wanted}
)
UPDATE {table} q
   SET attempts = q.attempts + 1, leased_by = {session},
       leased_until = statement_timestamp() + make_interval(secs => %(lease)s){on_claim}
 WHERE q.{key} = ANY (ARRAY(SELECT key FROM chosen))
   AND {owner} = ANY (ARRAY(SELECT owner FROM chosen))
   AND {is_open} AND {is_due}
RETURNING q.{key} AS key, {owner} AS owner, q.attempts, q.leased_until
