-- Promises: each call's answer is kept, and its webhook's health follows: an answer clears its
-- failures, from the third failure on it rests before the next call. The calls are locked.
WITH result AS (
    SELECT * FROM unnest(%(businesses)s::bigint[], %(ids)s::bigint[], %(accepted)s::boolean[],
                         %(statuses)s::int[], %(bodies)s::bytea[], %(seconds)s::float[])
                  AS u (business_id, id, accepted, status, body, seconds)
), finished AS (
    UPDATE hosting_webhookcall c
       SET tries = c.tries + 1, tried_at = statement_timestamp() - make_interval(secs => r.seconds),
           response_status = r.status, response_body = r.body, seconds = r.seconds
      FROM result r
     WHERE c.business_id = r.business_id AND c.id = r.id
    RETURNING c.webhook_id, r.accepted, r.seconds
), health AS (
    SELECT webhook_id, bool_or(accepted) AS answered, count(*) FILTER (WHERE NOT accepted) AS failed,
           avg(seconds) AS seconds
      FROM finished GROUP BY webhook_id
), locked AS (
    SELECT w.id, h.* FROM hosting_webhook w JOIN health h ON h.webhook_id = w.id ORDER BY w.id FOR UPDATE OF w
)
UPDATE hosting_webhook w
   SET failures = CASE WHEN l.answered THEN 0 ELSE w.failures + l.failed END,
       paused_until = CASE WHEN l.answered OR w.failures + l.failed < 3 THEN NULL
                           ELSE statement_timestamp() + make_interval(
                                    secs => least(power(2, least(w.failures + l.failed - 3, 10)), 60))
                      END,
       mean_seconds = w.mean_seconds * 0.7 + l.seconds * 0.3
  FROM locked l
 WHERE w.id = l.id
