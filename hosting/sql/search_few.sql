-- Promises: up to `most` messages of a business below a place in time that match, in no order, found by the index of
-- words in one pass. Call with plain index scans switched off.
SELECT m.id, m.created_at FROM hosting_message m
 WHERE m.search @@ %(query)s::tsquery AND m.business_id = %(business_id)s
   AND m.created_at >= %(since)s AND m.created_at < %(until)s
   AND (m.created_at, m.id) < (%(below_at)s, %(below_id)s)
 LIMIT %(most)s
