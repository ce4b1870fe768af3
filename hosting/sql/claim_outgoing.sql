-- Promises: of each number that does not rest, the first waiting message of each conversation belongs to this caller,
-- and is `sending` before anything is sent; no more than `per_number` at once for a number, `limit` in all. A
-- conversation whose first message is being sent, or waits for its time, waits as a whole: order is kept. Call under
-- the advisory lock.
WITH line AS (
    SELECT n.id, %(per_number)s - (SELECT count(*) FROM hosting_outgoing s
                                    WHERE s.transport = 'cloudapi' AND s.number_id = n.id AND s.state = 'sending') AS free
      FROM hosting_number n
     WHERE n.id IN (SELECT number_id FROM hosting_outgoing
                     WHERE transport = 'cloudapi' AND state = 'open' AND not_before <= statement_timestamp())
       AND (n.paused_until IS NULL OR n.paused_until <= statement_timestamp())
), head AS (
    SELECT l.id AS number_id, h.message_id,
           row_number() OVER (PARTITION BY l.id ORDER BY h.message_id) AS place
      FROM line l
     CROSS JOIN LATERAL (
            SELECT DISTINCT ON (m.conversation_id) w.message_id, w.state, w.not_before
              FROM (SELECT o.business_id, o.message_id, o.state, o.not_before
                      FROM hosting_outgoing o
                     WHERE o.transport = 'cloudapi' AND o.number_id = l.id AND o.state IN ('open', 'sending')
                     ORDER BY o.message_id LIMIT 500) w
              JOIN hosting_message m ON m.business_id = w.business_id AND m.id = w.message_id
             ORDER BY m.conversation_id, w.message_id) h
     WHERE l.free > 0 AND h.state = 'open' AND h.not_before <= statement_timestamp()
), chosen AS (
    SELECT h.message_id FROM head h JOIN line l ON l.id = h.number_id
     WHERE h.place <= l.free ORDER BY h.place, h.message_id LIMIT %(limit)s
)
UPDATE hosting_outgoing o
   SET state = 'sending', attempts = o.attempts + 1, lease_token = gen_random_uuid(),
       not_before = statement_timestamp() + make_interval(secs => %(lease)s)
  FROM chosen c
 WHERE o.message_id = c.message_id AND o.state = 'open'
RETURNING o.message_id, o.lease_token, o.attempts, o.queued_at < statement_timestamp() - interval '24 hours'
