-- Promises: at most `limit` due calls, shared out so that no receiver waits for another: few at once
-- for each webhook and for each host, one at once for a webhook that fails, and of those that fail or
-- are slow no more than `slow_limit` in all. Within a conversation the earlier call goes first; one
-- that has failed for `held` seconds no longer holds back the others. Run under an advisory lock: two
-- claims at once would each count the other's calls as not begun.
WITH RECURSIVE waiting AS (
    (SELECT webhook_id FROM hosting_webhookcall WHERE state = 'open' ORDER BY webhook_id LIMIT 1)
    UNION ALL
    -- One index probe a webhook, however many calls wait for it.
    SELECT (SELECT c.webhook_id FROM hosting_webhookcall c
             WHERE c.state = 'open' AND c.webhook_id > w.webhook_id ORDER BY c.webhook_id LIMIT 1)
      FROM waiting w WHERE w.webhook_id IS NOT NULL
), alive AS MATERIALIZED (
    SELECT array_agg(pid) AS pids FROM pg_stat_activity
), busy AS MATERIALIZED (
    SELECT c.webhook_id, w.host, count(*) AS calls
      FROM hosting_webhookcall c JOIN hosting_webhook w ON w.id = c.webhook_id
     WHERE c.leased_until > statement_timestamp() AND c.leased_by = ANY ((SELECT pids FROM alive)::int[])
     GROUP BY 1, 2
), ready AS (
    SELECT w.id, w.host, w.failures > 0 OR w.mean_seconds > %(slow_seconds)s AS is_slow,
           CASE WHEN w.failures >= 3 THEN 1 ELSE %(per_webhook)s END - coalesce(b.calls, 0) AS free
      FROM waiting d
      JOIN hosting_webhook w ON w.id = d.webhook_id AND w.is_active
      LEFT JOIN busy b ON b.webhook_id = w.id
     WHERE w.paused_until IS NULL OR w.paused_until <= statement_timestamp()
), candidate AS (
    SELECT r.host, r.is_slow, c.*, row_number() OVER (PARTITION BY r.id ORDER BY c.not_before, c.id) AS place
      FROM ready r
     CROSS JOIN LATERAL (
            SELECT c.id, c.business_id, c.not_before, c.attempts, c.leased_until IS NOT NULL AS was_lost
              FROM hosting_webhookcall c
             WHERE c.webhook_id = r.id AND c.state = 'open' AND c.not_before <= statement_timestamp()
               AND (c.leased_until IS NULL OR c.leased_until <= statement_timestamp()
                    OR c.leased_by <> ALL ((SELECT pids FROM alive)::int[]))
               AND NOT EXISTS (
                       SELECT FROM hosting_webhookcall e
                        WHERE e.webhook_id = c.webhook_id AND e.conversation_id = c.conversation_id
                          AND e.state = 'open' AND e.id < c.id
                          AND e.created_at > statement_timestamp() - make_interval(secs => %(held)s))
             ORDER BY c.not_before, c.id
             LIMIT greatest(r.free, 0)) c
), ranked AS (
    SELECT c.*,
           row_number() OVER (PARTITION BY c.host ORDER BY c.place, c.id)
               + coalesce((SELECT sum(b.calls) FROM busy b WHERE b.host = c.host), 0) AS place_at_host,
           row_number() OVER (PARTITION BY c.is_slow ORDER BY c.place, c.id) AS place_in_lane
      FROM candidate c
)
SELECT id AS key, business_id AS owner, attempts, was_lost, place
  FROM ranked
 WHERE place_at_host <= %(per_host)s AND (NOT is_slow OR place_in_lane <= %(slow_limit)s)
 ORDER BY is_slow, place, id
 LIMIT %(limit)s
