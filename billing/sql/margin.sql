-- Promises: one row for each currency with a cost card in force in %(month)s: revenue of the month's deliveries so far, what
-- the upstream charges for the same messages (both in micros), and of how many messages the cost card has no rate. Our
-- volume counts as one customer's, over all businesses; what a rule made free here counts as free there.
WITH sold AS (
    SELECT b.currency, u.market, u.category, sum(u.amount_micros) AS amount,
           coalesce(sum(u.messages) FILTER (WHERE u.rule = 'tier'), 0) AS messages
      FROM billing_usage u JOIN accounts_business b ON b.id = u.business_id
     WHERE u.month = %(month)s
     GROUP BY 1, 2, 3
), costed AS (
    SELECT s.currency, s.amount, CASE WHEN r.id IS NULL THEN s.messages ELSE 0 END AS unpriced,
           (SELECT sum(t.price_micros * (least(s.messages, coalesce(t.last, s.messages)) - t.first + 1))
              FROM billing_tier t WHERE t.rate_id = r.id AND t.first <= s.messages) AS cost
      FROM sold s
      JOIN billing_ratecard c ON c.currency = s.currency AND c.is_cost
      JOIN billing_cardversion v ON v.card_id = c.id AND v.state = 'scheduled' AND v.valid_from <= %(month)s
                                AND (v.valid_to IS NULL OR v.valid_to > %(month)s)
      LEFT JOIN billing_rate r ON r.version_id = v.id AND r.market_id = s.market AND r.category = s.category
)
SELECT currency, sum(amount)::bigint, coalesce(sum(cost), 0)::bigint, sum(unpriced)::bigint
  FROM costed GROUP BY 1 ORDER BY 1
