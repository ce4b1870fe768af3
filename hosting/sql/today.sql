-- Promises: how a business's newest messages since a moment went, in one row; looks at 20,000 messages at most.
WITH newest AS (
    SELECT direction, status, category, created_at, conversation_id, id
      FROM hosting_message WHERE business_id = %(business_id)s ORDER BY id DESC LIMIT 20000
), turns AS (
    -- A turn is answered when the message after an inbound one goes out.
    SELECT direction, created_at,
           lead(direction) OVER thread AS next_direction, lead(created_at) OVER thread AS next_at
      FROM (SELECT * FROM newest ORDER BY id DESC LIMIT 5000) recent
    WINDOW thread AS (PARTITION BY conversation_id ORDER BY created_at, id)
)
SELECT count(*) FILTER (WHERE direction = 'in' AND created_at >= %(since)s),
       count(*) FILTER (WHERE direction = 'out' AND created_at >= %(since)s),
       count(*) FILTER (WHERE status IN ('delivered', 'read') AND created_at >= %(since)s),
       count(*) FILTER (WHERE status = 'read' AND created_at >= %(since)s),
       count(*) FILTER (WHERE status = 'failed' AND created_at >= %(since)s),
       (SELECT extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY next_at - created_at))
          FROM turns WHERE direction = 'in' AND next_direction = 'out')
  FROM newest
