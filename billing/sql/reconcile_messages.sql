-- Promises: every delivered outbound message that is in none, or in more than one, of ledger, queue
-- and quarantine; the same for every failed one whose card charges failures; and every charge whose
-- message neither was delivered nor failed under such a card, or lies in another month. Messages
-- erased since are no difference, and those that were imported are not metered. A second derivation
-- on purpose: it calls none of the functions in schema/pricing_rules.sql, so that an error in them
-- shows here.
WITH facts AS (
    SELECT m.id, m.business_id, coalesce(m.delivered_at, m.read_at) IS NULL AS failed,
           coalesce(p.month, date_trunc('month', w.at AT TIME ZONE z.timezone)::date) AS month,
           coalesce(p.currency, z.currency) AS currency
      FROM hosting_message m
      JOIN accounts_business z ON z.id = m.business_id
     CROSS JOIN LATERAL (SELECT coalesce(m.delivered_at, m.read_at,
                                         greatest(m.failed_at, m.created_at)) AS at) w
      LEFT JOIN billing_period p
        ON p.business_id = m.business_id AND w.at >= p.starts_at AND w.at < p.ends_at
     WHERE m.direction = 'out' AND m.imported_from_id IS NULL
       AND (m.delivered_at IS NOT NULL OR m.read_at IS NOT NULL OR m.failed_at IS NOT NULL)
), due AS (
    SELECT f.* FROM facts f
     WHERE (%(month)s::date IS NULL OR f.month = %(month)s)
       AND (NOT f.failed
            OR EXISTS (SELECT
                         FROM billing_cardversion v
                         JOIN billing_ratecard card ON card.id = v.card_id
                         LEFT JOIN billing_cardchoice choice
                           ON choice.business_id = f.business_id
                          AND daterange(choice.valid_from, choice.valid_to) @> f.month
                        WHERE v.failed_charged AND v.state <> 'draft'
                          AND daterange(v.valid_from, v.valid_to) @> f.month
                          AND card.id = coalesce(choice.card_id, (
                                  SELECT (array_agg(d.card_id ORDER BY d.valid_from DESC))[1]
                                    FROM billing_defaultcard d
                                   WHERE d.currency = f.currency AND d.valid_from <= f.month))))
)
SELECT d.business_id, 'message ' || d.id, 'one of charge, waiting, quarantined',
       format('%%s charges, %%s waiting, %%s quarantined', n.charges, n.waiting, n.held)
  FROM due d
 CROSS JOIN LATERAL (
        SELECT (SELECT count(*) FROM billing_charge c
                 WHERE c.message_id = d.id AND c.reverses_id IS NULL) AS charges,
               (SELECT count(*) FROM hosting_delivery w WHERE w.message_id = d.id) AS waiting,
               (SELECT count(*) FROM billing_quarantine q WHERE q.message_id = d.id) AS held) n
 WHERE n.charges + n.waiting + n.held <> 1
UNION ALL
SELECT c.business_id, 'charge ' || c.id, 'a message delivered in ' || to_char(c.month, 'YYYY-MM'),
       CASE WHEN coalesce(m.delivered_at, m.read_at) IS NULL
            THEN 'message ' || m.id || ' is not delivered'
            ELSE 'message ' || m.id || ' delivered at ' || coalesce(m.delivered_at, m.read_at) END
  FROM billing_charge c
  JOIN hosting_message m ON m.id = c.message_id
  LEFT JOIN billing_period p ON p.business_id = c.business_id AND p.month = c.month
  LEFT JOIN billing_cardversion v ON v.id = c.version_id
 WHERE (%(month)s::date IS NULL OR c.month = %(month)s)
   AND (p.id IS NULL OR c.delivered_at < p.starts_at OR c.delivered_at >= p.ends_at
        OR m.business_id <> c.business_id
        OR (c.rule = 'failed' AND m.failed_at IS NULL)
        OR (m.delivered_at IS NULL AND m.read_at IS NULL
            AND (m.failed_at IS NULL OR v.failed_charged IS NOT TRUE)))
 ORDER BY 1, 2
