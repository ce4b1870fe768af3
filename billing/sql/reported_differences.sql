-- Promises: by month and currency how many messages the network reported a price for, what that adds
-- up to, what their charges add up to (a reversed one adds nothing), and the difference; for the bill
-- of the upstream. Messages that are not metered yet are left out.
SELECT c.month, r.currency, count(*) AS messages, sum(r.price_micros)::bigint AS reported_micros,
       sum(c.charged)::bigint AS charged_micros, count(*) FILTER (WHERE c.charged <> r.price_micros) AS different
  FROM hosting_reportedprice r
 CROSS JOIN LATERAL (
        SELECT min(x.month) AS month, sum(x.price_micros)::bigint AS charged
          FROM billing_charge x WHERE x.business_id = r.business_id AND x.message_id = r.message_id) c
 WHERE c.month IS NOT NULL
 GROUP BY 1, 2 ORDER BY 1 DESC, 2
