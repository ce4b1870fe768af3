-- Promises: up to `most` messages of a business, in no order, that match and lie below one place in time and above another
-- (at, id), found by the index of words in one pass. Call with plain index scans switched off.
-- Input: `first` and `last`, the days to look at, from `search_span`.
SELECT m.id, m.created_at FROM hosting_message m
 WHERE m.search @@ %(query)s::tsquery
   AND m.search @@ (SELECT string_agg('''#w' || %(business_id)s::bigint || '.' || stretch.n || '''', ' | ')
                      FROM generate_series(%(first)s::int >> 5, %(last)s::int >> 5) AS stretch (n))::tsquery
   AND m.business_id = %(business_id)s
   AND m.created_at >= %(since)s AND m.created_at < %(until)s
   AND (m.created_at, m.id) < (%(below_at)s, %(below_id)s)
   AND (m.created_at, m.id) > (%(above_at)s, %(above_id)s)
 LIMIT %(most)s
