-- Promises: the newest `n` messages of a business below a place in time that match, found by the index of words. Goes
-- back 32 days at a time until it has enough; a stretch that holds more than 200 hits is read day by day. So it reads
-- few rows, whether the hits are rare, frequent, or all of one season. The stretch is a condition of its own: the index
-- then skips to and fro between its list and the words' lists, instead of reading the longer one. An empty query asks
-- for all messages. OFFSET 0 is a fence: no other index is asked beside the one of words. Call with plain index scans
-- switched off.
-- Input: `first` and `last`, the days to look at, from `search_span`.
WITH span AS (
    SELECT %(first)s::int AS first, %(last)s::int AS last, '''#w' || %(business_id)s::bigint || '.' AS of_stretch,
           '''#t' || %(business_id)s::bigint || '.' AS of_day
)
SELECT hit.id, hit.created_at
  FROM span, generate_series(span.last >> 5, span.first >> 5, -1) AS stretch (n)
 CROSS JOIN LATERAL (
        WITH few AS MATERIALIZED (
            SELECT m.id, m.created_at
              FROM (SELECT said.id, said.created_at, said.business_id FROM hosting_message said
                     WHERE said.search @@ (span.of_stretch || stretch.n || '''')::tsquery
                       AND said.search @@ coalesce(nullif(%(query)s, ''), span.of_stretch || stretch.n || '''')::tsquery
                    OFFSET 0) m
             WHERE m.business_id = %(business_id)s
               AND m.created_at >= %(since)s AND m.created_at < %(until)s
               AND (m.created_at, m.id) < (%(below_at)s, %(below_id)s)
             LIMIT 201
        ), known AS MATERIALIZED (
            SELECT count(*) < 201 AS is_all FROM few
        ), newest AS (
            SELECT few.id, few.created_at FROM few, known WHERE known.is_all
            UNION ALL
            (SELECT daily.id, daily.created_at
               FROM known, span s,
                    generate_series(least(s.last, stretch.n * 32 + 31), stretch.n * 32, -1) AS day (n)
              CROSS JOIN LATERAL (
                     WITH said AS MATERIALIZED (
                         SELECT m.id, m.created_at
                           FROM (SELECT one.id, one.created_at, one.business_id FROM hosting_message one
                                  WHERE one.search @@ (s.of_day || day.n || '''')::tsquery
                                    AND one.search @@ coalesce(nullif(%(query)s, ''), s.of_day || day.n || '''')::tsquery
                                 OFFSET 0) m
                          WHERE m.business_id = %(business_id)s
                            AND m.created_at >= %(since)s AND m.created_at < %(until)s
                            AND (m.created_at, m.id) < (%(below_at)s, %(below_id)s)
                     )
                     SELECT id, created_at FROM said ORDER BY created_at DESC, id DESC LIMIT %(n)s) daily
              WHERE NOT known.is_all
              LIMIT %(n)s)
        )
        SELECT id, created_at FROM newest ORDER BY created_at DESC, id DESC LIMIT %(n)s) hit
 LIMIT %(n)s
