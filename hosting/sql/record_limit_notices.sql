-- Promises: one notice a business, month, limit and level, when 80 and 100 percent of the plan's hosted messages or media
-- storage are used (storage is full, too, while a customer's file waits locked for room), and when raw events or
-- messages over the plan were not kept.
INSERT INTO hosting_limitnotice (business_id, "limit", month, percent, used, allowed)
SELECT h.business_id, 'hosted_messages', h.month, l.percent, h.messages, p.hosted_messages
  FROM hosting_hostedcount h
  JOIN accounts_business b ON b.id = h.business_id
  JOIN accounts_plan p ON p.code = b.plan_id AND p.hosted_messages IS NOT NULL
 CROSS JOIN (VALUES (80), (100)) AS l (percent)
 WHERE h.month = date_trunc('month', coalesce(b.clock_at, now()) AT TIME ZONE 'UTC')::date
   AND h.messages * 100 >= p.hosted_messages::bigint * l.percent
 UNION ALL
SELECT s.business_id, 'media_megabytes', date_trunc('month', coalesce(b.clock_at, now()) AT TIME ZONE 'UTC')::date,
       l.percent, (s.bytes + 999999) / 1000000, p.media_megabytes
  FROM hosting_storage s
  JOIN accounts_business b ON b.id = s.business_id
  JOIN accounts_plan p ON p.code = b.plan_id AND p.media_megabytes IS NOT NULL
 CROSS JOIN (VALUES (80), (100)) AS l (percent)
 WHERE s.bytes >= p.media_megabytes::bigint * 10000 * l.percent
    OR EXISTS (SELECT FROM hosting_media m
                WHERE m.business_id = s.business_id AND m.locked_until IS NOT NULL AND m.deleted_at IS NULL)
 UNION ALL
SELECT c.business_id, 'raw_events', c.month, 100, c.raw_events, p.raw_events
  FROM hosting_inboundcount c
  JOIN accounts_business b ON b.id = c.business_id
  JOIN accounts_plan p ON p.code = b.plan_id
 WHERE c.month = date_trunc('month', now() AT TIME ZONE 'UTC')::date AND c.raw_events > p.raw_events
 UNION ALL
SELECT c.business_id, 'locked_messages', c.month, 100, p.locked_messages + c.messages_dropped, p.locked_messages
  FROM hosting_inboundcount c
  JOIN accounts_business b ON b.id = c.business_id
  JOIN accounts_plan p ON p.code = b.plan_id AND p.locked_messages IS NOT NULL
 WHERE c.month = date_trunc('month', coalesce(b.clock_at, now()) AT TIME ZONE 'UTC')::date AND c.messages_dropped > 0
ON CONFLICT (business_id, "limit", month, percent) DO NOTHING
