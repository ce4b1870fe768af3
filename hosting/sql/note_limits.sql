-- Promises: one notice a business, month and level, when 80 and 100 percent of the plan's hosted messages are used.
INSERT INTO hosting_limitnotice (business_id, "limit", month, percent, used, allowed)
SELECT h.business_id, 'hosted_messages', h.month, l.percent, h.messages, p.hosted_messages
  FROM hosting_hostedcount h
  JOIN accounts_business b ON b.id = h.business_id
  JOIN accounts_plan p ON p.code = b.plan_id AND p.hosted_messages IS NOT NULL
 CROSS JOIN (VALUES (80), (100)) AS l (percent)
 WHERE h.month = date_trunc('month', coalesce(b.clock_at, now()) AT TIME ZONE 'UTC')::date
   AND h.messages * 100 >= p.hosted_messages::bigint * l.percent
ON CONFLICT (business_id, "limit", month, percent) DO NOTHING
