-- Promises: what one message about to be sent will cost at most, and, where the month's charges,
-- the open commitments and this price stay within the limit, a commitment for it. Run it while the
-- cap's row is locked and as a statement of its own, so that it sees what the last sender has
-- committed. At most: messages under way may take the next positions first, so the dearest tier
-- that they reach counts. A message within the month's free messages of its number holds its place
-- among them by a commitment of nothing. One of a test number costs nothing and is not held. No row in a month of another currency than the cap's: it
-- does not limit that month.
WITH priced AS MATERIALIZED (
    SELECT h.month, q.*, w.messages AS under_way,
           coalesce(billing_is_allowed(q.rule, q.category, q.free_messages,
                                       a.messages + w.allowed), false) AS is_allowed,
           EXISTS (SELECT FROM hosting_number n
                    WHERE n.business_id = %(business_id)s AND n.id = %(number_id)s
                      AND n.is_test) AS is_test
      FROM billing_month(%(business_id)s, %(at)s) h
     CROSS JOIN LATERAL billing_currency(%(business_id)s, h.month) m
      JOIN hosting_contact c ON c.business_id = %(business_id)s AND c.id = %(contact_id)s
     CROSS JOIN LATERAL billing_market(c.wa_id, h.month) p
      LEFT JOIN LATERAL billing_question(
                %(business_id)s, h.month, p.market, %(category)s, %(window_open)s,
                %(kind)s = 'reaction',
                billing_entry_hours(false, %(at)s, %(free_entry_at)s)) q ON true
     CROSS JOIN LATERAL billing_allowance(%(business_id)s, %(number_id)s, h.month) a
     CROSS JOIN (SELECT count(*) AS messages,
                        count(*) FILTER (WHERE k.number_id = %(number_id)s
                                           AND k.price_micros = 0) AS allowed
                   FROM billing_commitment k WHERE k.business_id = %(business_id)s) w
     WHERE m.currency = %(currency)s
), books AS (
    SELECT CASE WHEN p.rule = 'tier' AND NOT p.is_allowed AND NOT p.is_test
                THEN coalesce((
                    SELECT max(billing_price(s.price_micros, p.discount_percent, p.floor_micros))
                      FROM billing_steps(p.rate_id, p.taken + 1, p.taken + 1 + p.under_way) s), 0)
                ELSE 0 END AS price,
           p.is_allowed AND NOT p.is_test AS is_allowed, b.spent_micros AS spent, b.committed_micros AS committed
      FROM priced p CROSS JOIN LATERAL billing_spending(%(business_id)s, p.month) b
), made AS (
    INSERT INTO billing_commitment (business_id, number_id, wamid, price_micros, created_at)
    SELECT %(business_id)s, %(number_id)s, %(wamid)s, price, now()
      FROM books WHERE is_allowed OR (price > 0 AND spent + committed + price <= %(limit)s)
    RETURNING 1
)
SELECT price = 0 OR EXISTS (SELECT FROM made) AS fits, price, spent, committed FROM books
