-- Promises: the reasons of messages that failed since a moment, the most frequent first, in the network's words; looks at
-- 20,000 messages at most.
SELECT coalesce(nullif(errors -> 0 -> 'error_data' ->> 'details', ''), errors -> 0 ->> 'title', '') AS reason, count(*)
  FROM (SELECT status, errors, created_at FROM hosting_message
         WHERE business_id = %(business_id)s ORDER BY id DESC LIMIT 20000) newest
 WHERE status = 'failed' AND created_at >= %(since)s
 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 6
