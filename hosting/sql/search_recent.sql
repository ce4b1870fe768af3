-- Promises: of a business's newest messages below a place in time, at most `look` of them, those that match, newest
-- first, `n` at most; an empty query asks for all. Quick where hits are frequent: it stops when it has enough.
WITH hit AS (
    SELECT w.id, w.created_at
      FROM (SELECT m.id, m.created_at, m.search FROM hosting_message m
             WHERE m.business_id = %(business_id)s AND m.created_at >= %(since)s AND m.created_at < %(until)s
               AND (m.created_at, m.id) < (%(below_at)s, %(below_id)s)
             ORDER BY m.created_at DESC, m.id DESC LIMIT %(look)s) w
     WHERE %(query)s = '' OR w.search @@ %(query)s::tsquery
     LIMIT %(n)s
)
SELECT id, created_at FROM hit ORDER BY created_at DESC, id DESC
