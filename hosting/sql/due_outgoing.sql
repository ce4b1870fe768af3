-- Promises: of each number that does not rest, the first waiting message of each conversation; no
-- more than `per_number` at once for a number, `limit` in all. A conversation whose first message is
-- being sent, or waits for its time, waits as a whole: order is kept. Run under an advisory lock.
WITH line AS (
    SELECT n.id, n.business_id,
           %(per_number)s - (SELECT count(*) FROM hosting_outgoing s
                              WHERE s.transport = 'cloudapi' AND s.number_id = n.id AND s.state = 'sending') AS free
      FROM hosting_number n
     WHERE n.id IN (SELECT number_id FROM hosting_outgoing
                     WHERE transport = 'cloudapi' AND state = 'open' AND not_before <= statement_timestamp())
       AND (n.paused_until IS NULL OR n.paused_until <= statement_timestamp())
), head AS (
    SELECT l.id AS number_id, l.business_id, l.free, h.message_id, h.attempts,
           row_number() OVER (PARTITION BY l.id ORDER BY h.message_id) AS place
      FROM line l
     CROSS JOIN LATERAL (
            SELECT DISTINCT ON (m.conversation_id) w.message_id, w.state, w.not_before, w.attempts
              FROM (SELECT o.business_id, o.message_id, o.state, o.not_before, o.attempts
                      FROM hosting_outgoing o
                     WHERE o.transport = 'cloudapi' AND o.number_id = l.id AND o.state IN ('open', 'sending')
                     ORDER BY o.message_id LIMIT 500) w
              JOIN hosting_message m ON m.business_id = w.business_id AND m.id = w.message_id
             ORDER BY m.conversation_id, w.message_id) h
     WHERE l.free > 0 AND h.state = 'open' AND h.not_before <= statement_timestamp()
)
SELECT message_id AS key, business_id AS owner, attempts, false AS was_lost, place
  FROM head
 WHERE place <= free
 ORDER BY place, message_id
 LIMIT %(limit)s
