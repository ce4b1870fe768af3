-- Promises: how many more inbound messages the plans of these businesses let be written: hosted ones of this month, of
-- the month before and of all older ones together, and locked ones. No row for a plan without such a limit.
SELECT b.id AS business_id, present.month,
       p.hosted_messages - coalesce(sum(h.messages) FILTER (WHERE h.month >= present.month), 0) AS this_month,
       p.hosted_messages - coalesce(sum(h.messages) FILTER (WHERE h.month = present.month - interval '1 month'), 0)
           AS month_before,
       p.hosted_messages - coalesce(sum(h.messages) FILTER (WHERE h.month < present.month - interval '1 month'), 0)
           AS older,
       p.locked_messages - (SELECT count(*) FROM (SELECT FROM hosting_lockedmessage l
                                                   WHERE l.business_id = b.id LIMIT p.locked_messages) x) AS locked
  FROM unnest(%(business_ids)s::bigint[]) AS u (id)
  JOIN accounts_business b ON b.id = u.id
  JOIN accounts_plan p ON p.code = b.plan_id AND p.hosted_messages IS NOT NULL AND p.locked_messages IS NOT NULL
 CROSS JOIN LATERAL (SELECT date_trunc('month', coalesce(b.clock_at, now()) AT TIME ZONE 'UTC')::date AS month) present
  LEFT JOIN hosting_hostedcount h ON h.business_id = b.id
 GROUP BY b.id, present.month, p.hosted_messages, p.locked_messages
