-- Promises: the reasons of messages that failed since a moment, the most frequent first, in the network's words; looks at
-- the newest 20,000 messages since then at most.
SELECT coalesce(nullif(errors -> 0 -> 'error_data' ->> 'details', ''), errors -> 0 ->> 'title', '') AS reason, count(*)
  FROM (SELECT status, errors FROM hosting_message
         WHERE business_id = %(business_id)s AND created_at >= %(since)s
         ORDER BY created_at DESC, id DESC LIMIT 20000) newest
 WHERE status = 'failed'
 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 6
