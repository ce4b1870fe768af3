-- Promises: one new ledger row with the opposite price, billed in the charge's own month while that
-- is open and else in the business's earliest open one, and the rollup moved with it; no row where
-- no month is open. A second reversal of the same charge clashes and leaves nothing.
WITH earliest AS (
    SELECT min(o.month) AS month, array_agg(o.month) AS months
      FROM billing_charge c
      JOIN billing_period own ON own.business_id = c.business_id AND own.month = c.month
      JOIN billing_period o ON o.business_id = c.business_id AND o.state = 'open'
                           AND o.currency = own.currency
     WHERE c.business_id = %(business_id)s AND c.id = %(charge_id)s
), taken_back AS (
    INSERT INTO billing_charge
        (message_id, business_id, month, billed_month, market, category, rule, position, tier_id,
         version_id, price_micros, delivered_at, charged_at, reverses_id, note)
    SELECT c.message_id, c.business_id, c.month,
           CASE WHEN c.billed_month = ANY (e.months) THEN c.billed_month ELSE e.month END,
           c.market, c.category, c.rule, c.position, c.tier_id, c.version_id, -c.price_micros,
           c.delivered_at, now(), c.id, %(reason)s
      FROM billing_charge c
     CROSS JOIN earliest e
     WHERE c.business_id = %(business_id)s AND c.id = %(charge_id)s AND e.month IS NOT NULL
    RETURNING *
), rolled AS (
    INSERT INTO billing_usage AS u
        (business_id, billed_month, month, market, category, rule, version_id, tier_id,
         price_micros, messages, amount_micros)
    SELECT business_id, billed_month, month, market, category, rule, version_id,
           coalesce(tier_id, 0), CASE WHEN rule = 'reported' THEN 0 ELSE -price_micros END, -1,
           price_micros
      FROM taken_back
    ON CONFLICT (business_id, billed_month, month, market, category, rule, version_id, tier_id)
    DO UPDATE SET messages = u.messages + EXCLUDED.messages,
                  amount_micros = u.amount_micros + EXCLUDED.amount_micros
    RETURNING 1
)
SELECT id FROM taken_back WHERE (SELECT count(*) FROM rolled) = 1
