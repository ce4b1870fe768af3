-- Promises: up to `most` messages of a business, in no order, that match and lie below one place in time and above
-- another (at, id), found by the index of words in one pass: by its lexemes of days where they are few, else of
-- stretches. Call with plain index scans switched off.
-- Input: `first` and `last`, the days to look at, from `search_span`.
SELECT m.id, m.created_at
  FROM (-- A fence: no other index is asked beside the one of words, which would read all times between the bounds.
        SELECT said.id, said.created_at, said.business_id FROM hosting_message said
         WHERE said.search @@ %(query)s::tsquery
           AND said.search @@ (SELECT string_agg(span.sign || %(business_id)s::bigint || '.' || place.n || '''', ' | ')
                                 FROM (SELECT CASE WHEN is_short THEN '''#t' ELSE '''#w' END AS sign,
                                              CASE WHEN is_short THEN 0 ELSE 5 END AS bits
                                         FROM (SELECT %(last)s::int - %(first)s::int < 32 AS is_short) length) span,
                                      generate_series(%(first)s::int >> bits, %(last)s::int >> bits) AS place (n))::tsquery
        OFFSET 0) m
 WHERE m.business_id = %(business_id)s
   AND m.created_at >= %(since)s AND m.created_at < %(until)s
   AND (m.created_at, m.id) < (%(below_at)s, %(below_id)s)
   AND (m.created_at, m.id) > (%(above_at)s, %(above_id)s)
 LIMIT %(most)s
