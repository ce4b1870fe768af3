-- Promises: each day from `since` to `until` (both included) in the zone given, with the orders
-- that were confirmed on it and are not cancelled, and their money, less what was paid back; in the
-- currency's smallest unit.
SELECT d.day::date, count(o.id)::int, coalesce(sum(o.total_minor - o.refunded_minor), 0)::bigint
  FROM generate_series(%(since)s::date, %(until)s::date, interval '1 day') AS d(day)
  LEFT JOIN shops_order o
         ON o.business_id = %(business_id)s AND o.catalog_id = %(catalog_id)s
        AND o.state IN ('confirmed', 'packed', 'shipped', 'delivered')
        AND (o.confirmed_at AT TIME ZONE %(zone)s)::date = d.day::date
 GROUP BY d.day ORDER BY d.day
