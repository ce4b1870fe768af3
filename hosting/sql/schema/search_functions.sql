-- Promises: positions of messages of the business whose mark this transaction has, found by words. SECURITY DEFINER:
-- row-level security cannot use the index of words, because its operator is not leakproof; so each statement names the
-- business itself, in lexemes that no text can contain and as a column. Ids only: the messages are read in the scope.
-- Planned anew at each call, with the values: which index is best depends on the words.

-- Promises: of a business's newest messages below a place in time, at most `look` of them, those that match, newest
-- first, `n` at most; an empty query asks for all. Quick where hits are frequent: it stops when it has enough.
CREATE FUNCTION hosting_search_recent(wanted_since timestamptz, wanted_until timestamptz, wanted_below_at timestamptz, wanted_below_id bigint, wanted_look int, wanted_query text, wanted_n int)
RETURNS TABLE (id bigint, created_at timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    of_business bigint := core_business();
BEGIN
    RETURN QUERY
WITH hit AS (
    SELECT w.id, w.created_at
      FROM (SELECT m.id, m.created_at, m.search FROM hosting_message m
             WHERE m.business_id = of_business AND m.created_at >= wanted_since AND m.created_at < wanted_until
               AND (m.created_at, m.id) < (wanted_below_at, wanted_below_id)
             ORDER BY m.created_at DESC, m.id DESC LIMIT wanted_look) w
     WHERE wanted_query = '' OR w.search @@ wanted_query::tsquery
     LIMIT wanted_n
)
SELECT id, created_at FROM hit ORDER BY created_at DESC, id DESC;
END $$;

REVOKE ALL ON FUNCTION hosting_search_recent(timestamptz, timestamptz, timestamptz, bigint, int, text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_search_recent(timestamptz, timestamptz, timestamptz, bigint, int, text, int) TO parley_app, parley_across, parley_system;

-- Promises: the first and the last day (as `hosting_search_day` counts) on which a hit can lie; NULLs without messages.
CREATE FUNCTION hosting_search_span(wanted_since timestamptz, wanted_until timestamptz, wanted_below_at timestamptz)
RETURNS TABLE (first_day int, last_day int) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    of_business bigint := core_business();
BEGIN
    RETURN QUERY
SELECT CASE WHEN held.first IS NOT NULL THEN greatest(held.first, hosting_search_day(wanted_since)) END,
       CASE WHEN held.first IS NOT NULL
            THEN least(held.last, hosting_search_day(wanted_until), hosting_search_day(wanted_below_at)) END
  FROM (SELECT (SELECT hosting_search_day(m.created_at) FROM hosting_message m WHERE m.business_id = of_business
                 ORDER BY m.created_at LIMIT 1) AS first,
               (SELECT hosting_search_day(m.created_at) FROM hosting_message m WHERE m.business_id = of_business
                 ORDER BY m.created_at DESC LIMIT 1) AS last) AS held;
END $$;

REVOKE ALL ON FUNCTION hosting_search_span(timestamptz, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_search_span(timestamptz, timestamptz, timestamptz) TO parley_app, parley_across, parley_system;

-- Promises: the newest `n` messages of a business below a place in time that match, found by the index of words. Goes
-- back 32 days at a time until it has enough; a stretch that holds more than 200 hits is read day by day. So it reads
-- few rows, whether the hits are rare, frequent, or all of one season. The stretch is a condition of its own: the index
-- then skips to and fro between its list and the words' lists, instead of reading the longer one. An empty query asks
-- for all messages. OFFSET 0 is a fence: no other index is asked beside the one of words. Call with plain index scans
-- switched off.
-- Input: `first` and `last`, the days to look at, from `hosting_search_span`.
CREATE FUNCTION hosting_search_index(wanted_first int, wanted_last int, wanted_query text, wanted_since timestamptz, wanted_until timestamptz, wanted_below_at timestamptz, wanted_below_id bigint, wanted_n int)
RETURNS TABLE (id bigint, created_at timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    of_business bigint := core_business();
BEGIN
    RETURN QUERY
WITH span AS (
    SELECT wanted_first AS first, wanted_last AS last, '''#w' || of_business || '.' AS of_stretch,
           '''#t' || of_business || '.' AS of_day
)
SELECT hit.id, hit.created_at
  FROM span, generate_series(span.last >> 5, span.first >> 5, -1) AS stretch (n)
 CROSS JOIN LATERAL (
        WITH few AS MATERIALIZED (
            SELECT m.id, m.created_at
              FROM (SELECT said.id, said.created_at, said.business_id FROM hosting_message said
                     WHERE said.search @@ (span.of_stretch || stretch.n || '''')::tsquery
                       AND said.search @@ coalesce(nullif(wanted_query, ''), span.of_stretch || stretch.n || '''')::tsquery
                    OFFSET 0) m
             WHERE m.business_id = of_business
               AND m.created_at >= wanted_since AND m.created_at < wanted_until
               AND (m.created_at, m.id) < (wanted_below_at, wanted_below_id)
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
                                    AND one.search @@ coalesce(nullif(wanted_query, ''), s.of_day || day.n || '''')::tsquery
                                 OFFSET 0) m
                          WHERE m.business_id = of_business
                            AND m.created_at >= wanted_since AND m.created_at < wanted_until
                            AND (m.created_at, m.id) < (wanted_below_at, wanted_below_id)
                     )
                     SELECT id, created_at FROM said ORDER BY created_at DESC, id DESC LIMIT wanted_n) daily
              WHERE NOT known.is_all
              LIMIT wanted_n)
        )
        SELECT id, created_at FROM newest ORDER BY created_at DESC, id DESC LIMIT wanted_n) hit
 LIMIT wanted_n;
END $$;

REVOKE ALL ON FUNCTION hosting_search_index(int, int, text, timestamptz, timestamptz, timestamptz, bigint, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_search_index(int, int, text, timestamptz, timestamptz, timestamptz, bigint, int) TO parley_app, parley_across, parley_system;

-- Promises: up to `most` messages of a business, in no order, that match and lie below one place in time and above
-- another (at, id), found by the index of words in one pass: by its lexemes of days where they are few, else of
-- stretches. Call with plain index scans switched off.
-- Input: `first` and `last`, the days to look at, from `hosting_search_span`.
CREATE FUNCTION hosting_search_range(wanted_query text, wanted_last int, wanted_first int, wanted_since timestamptz, wanted_until timestamptz, wanted_below_at timestamptz, wanted_below_id bigint, wanted_above_at timestamptz, wanted_above_id bigint, wanted_most int)
RETURNS TABLE (id bigint, created_at timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    of_business bigint := core_business();
BEGIN
    RETURN QUERY
SELECT m.id, m.created_at
  FROM (-- A fence: no other index is asked beside the one of words, which would read all times between the bounds.
        SELECT said.id, said.created_at, said.business_id FROM hosting_message said
         WHERE said.search @@ wanted_query::tsquery
           AND said.search @@ (SELECT string_agg(span.sign || of_business || '.' || place.n || '''', ' | ')
                                 FROM (SELECT CASE WHEN is_short THEN '''#t' ELSE '''#w' END AS sign,
                                              CASE WHEN is_short THEN 0 ELSE 5 END AS bits
                                         FROM (SELECT wanted_last - wanted_first < 32 AS is_short) length) span,
                                      generate_series(wanted_first >> bits, wanted_last >> bits) AS place (n))::tsquery
        OFFSET 0) m
 WHERE m.business_id = of_business
   AND m.created_at >= wanted_since AND m.created_at < wanted_until
   AND (m.created_at, m.id) < (wanted_below_at, wanted_below_id)
   AND (m.created_at, m.id) > (wanted_above_at, wanted_above_id)
 LIMIT wanted_most;
END $$;

REVOKE ALL ON FUNCTION hosting_search_range(text, int, int, timestamptz, timestamptz, timestamptz, bigint, timestamptz, bigint, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_search_range(text, int, int, timestamptz, timestamptz, timestamptz, bigint, timestamptz, bigint, int) TO parley_app, parley_across, parley_system;
