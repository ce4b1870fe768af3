-- Promises: how a business's messages since a moment went, in one row: the newest 20,000 of them at most; and the median
-- seconds until customers were answered, among its newest 5,000 messages. Both are read in the order of time, so that
-- what is looked at is what is counted, and messages that were imported later do not stand before newer ones.
WITH newest AS (
    SELECT direction, status
      FROM hosting_message WHERE business_id = %(business_id)s AND created_at >= %(since)s
     ORDER BY created_at DESC, id DESC LIMIT 20000
), turns AS (
    -- A turn is answered when the message after an inbound one goes out.
    SELECT direction, created_at,
           lead(direction) OVER thread AS next_direction, lead(created_at) OVER thread AS next_at
      FROM (SELECT direction, created_at, conversation_id, id FROM hosting_message
             WHERE business_id = %(business_id)s ORDER BY created_at DESC, id DESC LIMIT 5000) recent
    WINDOW thread AS (PARTITION BY conversation_id ORDER BY created_at, id)
)
SELECT count(*) FILTER (WHERE direction = 'in'),
       count(*) FILTER (WHERE direction = 'out'),
       count(*) FILTER (WHERE status IN ('delivered', 'read')),
       count(*) FILTER (WHERE status = 'read'),
       count(*) FILTER (WHERE status = 'failed'),
       (SELECT extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY next_at - created_at))
          FROM turns WHERE direction = 'in' AND next_direction = 'out')
  FROM newest
