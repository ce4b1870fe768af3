-- Promises: the newest `n` messages of a business below a place in time that match, found by the index of words. Quick
-- where hits are few: all of them are read. MATERIALIZED, or the planner would walk the whole of time to save a sort.
WITH hit AS MATERIALIZED (
    SELECT m.id, m.created_at FROM hosting_message m
     WHERE m.search @@ %(query)s::tsquery AND m.business_id = %(business_id)s
       AND m.created_at >= %(since)s AND m.created_at < %(until)s
       AND (m.created_at, m.id) < (%(below_at)s, %(below_id)s)
)
SELECT id, created_at FROM hit ORDER BY created_at DESC, id DESC LIMIT %(n)s
