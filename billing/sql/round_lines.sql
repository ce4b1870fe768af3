-- Promises: every line of the invoice has its share of the invoice's sum in minor units: the rounded
-- sum up to the line less the rounded sum before it. All ties of an invoice go in one direction, that
-- in which half-even rounding takes the tie of its total: so the shares add up to the total, a whole
-- amount keeps its minor units, and no line is a whole unit off. `unit` is even: micro-units a minor.
WITH summed AS (
    SELECT id, amount_micros::numeric AS amount, sum(amount_micros) OVER lines AS reached
      FROM billing_invoiceline
     WHERE invoice_id = %(invoice_id)s
    WINDOW lines AS (ORDER BY position ROWS UNBOUNDED PRECEDING)
), direction AS (
    SELECT CASE WHEN mod(abs(sum(amount)), 2 * %(unit)s) = %(unit)s / 2 THEN -sign(sum(amount))
                WHEN mod(abs(sum(amount)), 2 * %(unit)s) = 3 * %(unit)s / 2 THEN sign(sum(amount))
                ELSE 1 END AS up
      FROM summed
), rounded AS (
    SELECT id, (up * (floor((up * reached + %(unit)s / 2) / %(unit)s)
                      - floor((up * (reached - amount) + %(unit)s / 2) / %(unit)s)))::bigint AS share
      FROM summed, direction
)
UPDATE billing_invoiceline l SET amount_minor = r.share
  FROM rounded r
 WHERE l.id = r.id AND l.amount_minor <> r.share
