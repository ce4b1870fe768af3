-- Promises: the rows chosen belong to this session until their lease ends; the attempt is counted
-- before the work begins. A row that was tried before comes alone or not at all (`{wanted}`).
-- Output: the fencing token of each row, in the order in which owners are served.
WITH due AS (
{selection}
), chosen AS (
    SELECT key, owner, place FROM due WHERE {wanted}
)
UPDATE {table} q
   SET attempts = q.attempts + 1, leased_by = {session},
       leased_until = statement_timestamp() + make_interval(secs => %(lease)s){on_claim}
  FROM chosen c
 WHERE q.{key} = c.key AND {owner} = c.owner AND {is_open} AND {is_due}
RETURNING q.{key} AS key, c.owner, q.attempts, q.leased_until, c.place
