-- Promises: one row for each currency with a cost card in force in %(month)s: revenue of the
-- month's deliveries so far, what the upstream charges for the same messages (both in micros), and
-- of how many messages the cost card has no rate. Our volume counts as one customer's, over all
-- businesses; what a rule made free here counts as free there. What the network reported below
-- its own list price is not known by month: the cost is the most that it can be.
WITH sold AS (
    SELECT m.currency, u.market, u.category, sum(u.amount_micros) AS amount,
           coalesce(sum(u.messages) FILTER (WHERE u.rule IN ('tier', 'reported')), 0)::bigint AS messages
      FROM billing_usage u CROSS JOIN LATERAL billing_currency(u.business_id, u.month) m
     WHERE u.month = %(month)s AND NOT billing_is_test(u.rule)
     GROUP BY 1, 2, 3
), costed AS (
    SELECT s.currency, s.amount, CASE WHEN r.id IS NULL THEN s.messages ELSE 0 END AS unpriced,
           (SELECT sum(t.price_micros * t.positions)
               FROM billing_steps(r.id, 1, s.messages) t) AS cost
      FROM sold s
      JOIN billing_ratecard c ON c.currency = s.currency AND c.is_cost
     CROSS JOIN LATERAL billing_version(c.id, %(month)s) v
      LEFT JOIN billing_rate r ON r.version_id = v.id AND r.market_id = s.market
          AND r.category = s.category
)
SELECT currency, sum(amount)::bigint AS revenue, coalesce(sum(cost), 0)::bigint AS cost,
       sum(unpriced)::bigint AS unpriced
  FROM costed GROUP BY 1 ORDER BY 1
