-- Promises: each call's answer is kept; 2xx ends it, anything else leaves it open until its delay is over, or dead when
-- its time is up. The attempt number is the fencing token: a caller that slept past its lease changes nothing. The
-- webhook's health follows: an answer clears its failures, from the third failure on it rests before the next call.
WITH result AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(attempts)s::int[], %(accepted)s::boolean[], %(statuses)s::int[],
                         %(bodies)s::bytea[], %(errors)s::text[], %(seconds)s::float[], %(delays)s::float[])
                  AS u (id, attempts, accepted, status, body, error, seconds, delay)
), finished AS (
    UPDATE hosting_webhookcall c
       SET state = CASE WHEN r.accepted THEN 'done' WHEN c.gives_up_at <= statement_timestamp() THEN 'dead' ELSE 'open' END,
           not_before = statement_timestamp() + make_interval(secs => r.delay), leased_until = NULL,
           response_status = r.status, response_body = r.body, last_error = r.error, seconds = r.seconds
      FROM result r
     WHERE c.id = r.id AND c.attempts = r.attempts AND c.state = 'open'
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
                           ELSE statement_timestamp() + make_interval(secs => least(power(2, least(w.failures + l.failed - 3, 10)), 60))
                      END,
       mean_seconds = w.mean_seconds * 0.7 + l.seconds * 0.3
  FROM locked l
 WHERE w.id = l.id
