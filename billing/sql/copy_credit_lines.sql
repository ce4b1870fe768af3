-- Promises: the credit note's lines are the rollup rows of its month, one to one, in the order of
-- an invoice's, with the opposite sign: what the customer gets is positive. Amounts are exact; what
-- a line has in cents is its share of the sum, which is rounded half-even once.
WITH ordered AS (
    SELECT u.*, row_number() OVER lines AS position,
           %(before)s - (sum(u.amount_micros) OVER lines)::bigint AS reached
      FROM billing_usage u
     WHERE u.business_id = %(business_id)s AND u.billed_month = %(month)s AND u.messages <> 0
    WINDOW lines AS (ORDER BY u.month < u.billed_month, u.month, u.market, u.category, u.rule,
                              u.tier_id, u.id ROWS UNBOUNDED PRECEDING)
)
INSERT INTO billing_creditnoteline
    (credit_note_id, business_id, position, kind, description, month, market, category, quantity,
     amount_micros, amount_minor, tax_category, tax_percent)
SELECT %(credit_note_id)s, u.business_id, %(after)s + u.position,
       CASE WHEN u.month < u.billed_month THEN 'late' ELSE 'messages' END,
       initcap(u.category) || ' messages to ' || u.market
           || CASE WHEN u.month < u.billed_month
                   THEN ', delivered in ' || to_char(u.month, 'YYYY-MM') ELSE '' END,
       u.month, u.market, u.category, -u.messages, -u.amount_micros,
       billing_round_half_even(u.reached, %(micros_a_minor)s)
           - billing_round_half_even(u.reached + u.amount_micros, %(micros_a_minor)s),
       %(tax_category)s, %(tax_percent)s
  FROM ordered u
