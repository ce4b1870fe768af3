-- Promises: every delivery of the batch becomes exactly one charge, or goes to quarantine with the
-- reason. Positions are dense per business, month, market, category and rule (failed messages that
-- are charged take those of `tier`): the tally hands out one block per key, in key order, and
-- row_number() deals it out; the position picks the tier. A clash of positions or messages aborts
-- the batch: there is no ON CONFLICT on the ledger. The rollup that invoices copy moves in the same
-- statement. Open periods are share-locked first, so closing waits for this batch, or this batch
-- for closing. Prices come from the functions in schema/pricing_rules.sql, which are asked once for
-- each distinct question, not once a row: rows carry the number of their question, and later of
-- their block of positions. Messages of test numbers have the rules `test` and `test_free`, whose
-- positions are their own. Where the card takes reported prices, a marketing message for which the
-- network reported one with its delivery costs that, within the floor and the price of its position,
-- on which it stands like any other.
WITH open AS MATERIALIZED (
    SELECT business_id, month, currency
      FROM billing_period
     WHERE state = 'open' AND business_id IN (SELECT business_id FROM pg_temp.meter_batch)
     ORDER BY business_id, month
       FOR SHARE
), earliest AS (
    -- A late message is billed in the earliest open month of its own month's currency.
    SELECT business_id, currency, min(month) AS month FROM open GROUP BY business_id, currency
), dated AS MATERIALIZED (
    -- The digits that tell the market: three, or seven where longer calling codes begin with the
    -- same three.
    SELECT b.message_id, b.number_id, b.delivered_at, b.failed, b.business_id, p.month,
           CASE WHEN left(b.recipient, 3) = ANY (ARRAY(
                         SELECT DISTINCT left(k.prefix, 3) FROM billing_callingcode k
                             WHERE length(k.prefix) > 3))
                THEN left(b.recipient, 7) ELSE left(b.recipient, 3) END AS digits,
           b.category, b.window_open, b.kind = 'reaction' AS is_reaction,
           billing_entry_hours(b.free_entry, b.accepted_at, b.free_entry_at) AS entry_hours,
           coalesce(n.is_test, false) AS is_test,
           b.reported, b.reported_in
      FROM pg_temp.meter_batch b
      LEFT JOIN hosting_number n ON n.business_id = b.business_id AND n.id = b.number_id
      LEFT JOIN billing_period p
        ON p.business_id = b.business_id AND b.delivered_at >= p.starts_at
            AND b.delivered_at < p.ends_at
), markets AS MATERIALIZED (
    SELECT d.month, d.digits, m.market
      FROM (SELECT DISTINCT month, digits FROM dated) d
     CROSS JOIN LATERAL billing_market(d.digits, d.month) m
), placed AS MATERIALIZED (
    SELECT d.*, m.market
      FROM dated d JOIN markets m ON m.digits = d.digits AND m.month IS NOT DISTINCT FROM d.month
), questions AS MATERIALIZED (
    SELECT business_id, month, market, category, window_open, is_reaction, entry_hours, is_test,
           count(*) AS messages, row_number() OVER () AS question
      FROM placed GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), terms AS MATERIALIZED (
    SELECT k.business_id, k.month, coalesce(o.month, e.month) AS billed_month, t.*
      FROM (SELECT DISTINCT business_id, month FROM questions) k
      LEFT JOIN open o ON o.business_id = k.business_id AND o.month = k.month
      LEFT JOIN LATERAL billing_terms(k.business_id, k.month) t ON true
      LEFT JOIN earliest e ON e.business_id = k.business_id AND e.currency = t.currency
), ruled AS MATERIALIZED (
    SELECT q.question, q.business_id, q.month, q.market, q.category, q.is_test, q.messages,
           t.billed_month,
           t.version_id, t.country, t.discount_percent, t.floor_micros, t.free_messages,
           CASE WHEN t.reported_prices THEN t.currency END AS reported_in,
           billing_rule(q.category, q.window_open, q.is_reaction, q.entry_hours,
                        t.service_free_in_window, t.utility_free_in_window, t.reactions_free,
                        t.free_entry_hours) AS rule
      FROM questions q
      LEFT JOIN terms t ON t.business_id = q.business_id AND t.month IS NOT DISTINCT FROM q.month
), rates AS MATERIALIZED (
    SELECT k.*, r.rate_id, r.category AS priced_as
      FROM (SELECT DISTINCT version_id, market, category, country, month FROM ruled) k
     CROSS JOIN LATERAL billing_rate_of(k.version_id, k.market, k.category, k.country, k.month) r
), answers AS MATERIALIZED (
    SELECT u.question, u.business_id, u.month, u.market,
           coalesce(r.priced_as, u.category) AS category, u.is_test, u.messages, u.billed_month,
           u.version_id,
           u.discount_percent, u.floor_micros, u.free_messages, u.reported_in, u.rule, r.rate_id,
           billing_is_allowed(u.rule, u.category, u.free_messages, 0) AS is_counted,
           CASE WHEN u.version_id IS NULL THEN 'no_card'
                WHEN u.billed_month IS NULL THEN 'no_period'
                WHEN u.rule = 'tier' AND r.rate_id IS NULL THEN 'no_rate' END AS refused
      FROM ruled u
      LEFT JOIN rates r USING (version_id, market, category, country, month)
), asked AS MATERIALIZED (
    SELECT p.message_id, p.number_id, p.delivered_at, p.failed, p.reported, p.reported_in,
           q.question
      FROM placed p
      JOIN questions q
        ON q.business_id = p.business_id AND q.market = p.market AND q.category = p.category
       AND q.month IS NOT DISTINCT FROM p.month AND q.window_open = p.window_open
       AND q.is_reaction = p.is_reaction AND q.entry_hours IS NOT DISTINCT FROM p.entry_hours
       AND q.is_test = p.is_test
), quarantined AS (
    INSERT INTO billing_quarantine
        (message_id, business_id, number_id, recipient, category, window_open, free_entry,
         free_entry_at, kind, accepted_at, delivered_at, failed, reason, quarantined_at)
    SELECT b.message_id, b.business_id, b.number_id, b.recipient, b.category, b.window_open,
           b.free_entry, b.free_entry_at, b.kind, b.accepted_at, b.delivered_at, b.failed,
           a.refused, now()
      FROM answers a
      JOIN asked k USING (question)
      JOIN pg_temp.meter_batch b USING (message_id)
     WHERE a.refused IS NOT NULL
    ON CONFLICT (message_id) DO UPDATE SET reason = EXCLUDED.reason, error = ''
    RETURNING 1
), counted AS MATERIALIZED (
    -- Only service messages under a card with free messages: those of a number in a month, whatever
    -- the market, in the order in which they are metered. The published rule has no order; the
    -- ledger says which messages were free.
    SELECT k.message_id, k.number_id, k.delivered_at, a.question, a.business_id, a.month, a.rule,
           a.category, a.free_messages
      FROM answers a JOIN asked k USING (question)
     WHERE a.refused IS NULL AND a.is_counted
), number_keys AS MATERIALIZED (
    SELECT business_id, month, number_id, count(*) AS messages FROM counted GROUP BY 1, 2, 3
), number_bumped AS (
    INSERT INTO billing_numbertally AS t (business_id, month, number_id, messages)
    SELECT business_id, month, number_id, messages FROM number_keys ORDER BY 1, 2, 3
    ON CONFLICT (business_id, month, number_id) DO UPDATE
        SET messages = t.messages + EXCLUDED.messages
    RETURNING business_id, month, number_id, messages
), allowed AS MATERIALIZED (
    SELECT message_id, question
      FROM (SELECT c.message_id, c.question, c.rule, c.category, c.free_messages,
            b.messages - k.messages + row_number() OVER (
                       PARTITION BY c.business_id, c.month, c.number_id
                           ORDER BY c.delivered_at, c.message_id) AS nth
              FROM counted c
              JOIN number_keys k USING (business_id, month, number_id)
              JOIN number_bumped b USING (business_id, month, number_id)) x
     WHERE billing_is_allowed(rule, category, free_messages, nth - 1)
), parts AS MATERIALIZED (
    -- A question's messages are all under its rule, but for those within the month's free messages.
    SELECT a.question, a.business_id, a.month, a.market, a.category, p.messages,
           CASE WHEN NOT a.is_test THEN p.rule
                WHEN p.rule = 'tier' THEN 'test' ELSE 'test_free' END AS rule,
           p.rule = 'allowance' AS is_allowed, a.billed_month, a.version_id, a.rate_id,
           a.discount_percent, a.floor_micros, a.reported_in
      FROM answers a
      LEFT JOIN (SELECT question, count(*) AS messages FROM allowed GROUP BY 1) f USING (question)
     CROSS JOIN LATERAL (VALUES (a.rule, a.messages - coalesce(f.messages, 0)),
                         ('allowance', f.messages))
                     AS p (rule, messages)
     WHERE a.refused IS NULL AND p.messages > 0
), keys AS MATERIALIZED (
    -- Billed month and terms are the same for a business and month, the rate for a market and
    -- category of it.
    SELECT business_id, month, market, category, rule, sum(messages)::bigint AS messages,
           min(billed_month) AS billed_month, min(version_id) AS version_id,
           min(rate_id) AS rate_id, min(discount_percent) AS discount_percent,
           min(floor_micros) AS floor_micros, min(reported_in) AS reported_in,
           row_number() OVER () AS block
      FROM parts GROUP BY 1, 2, 3, 4, 5
), bumped AS (
    INSERT INTO billing_tally AS t (business_id, month, market, category, rule, positions)
    SELECT business_id, month, market, category, rule, messages FROM keys ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (business_id, month, market, category, rule) DO UPDATE
        SET positions = t.positions + EXCLUDED.positions
    RETURNING business_id, month, market, category, rule, positions
), blocks AS MATERIALIZED (
    SELECT k.*, b.positions - k.messages AS taken
      FROM keys k JOIN bumped b USING (business_id, month, market, category, rule)
), steps AS MATERIALIZED (
    SELECT b.block, s.tier_id, s.first, s.last,
           billing_price(s.price_micros, b.discount_percent, b.floor_micros) AS price_micros
      FROM blocks b
     CROSS JOIN LATERAL billing_steps(b.rate_id, b.taken + 1, b.taken + b.messages) s
     WHERE b.rule IN ('tier', 'test')
), shares AS MATERIALIZED (
    SELECT p.question, p.is_allowed, b.block, b.taken
      FROM parts p JOIN blocks b USING (business_id, month, market, category, rule)
), dealt AS (
    SELECT k.message_id, k.delivered_at, k.failed, k.reported, k.reported_in, s.block,
           s.taken + row_number() OVER (PARTITION BY s.block
               ORDER BY k.delivered_at, k.message_id) AS position
      FROM asked k
      LEFT JOIN allowed a ON a.message_id = k.message_id
      JOIN shares s ON s.question = k.question AND s.is_allowed = (a.message_id IS NOT NULL)
), priced AS MATERIALIZED (
    SELECT d.message_id, d.delivered_at, d.block, d.position, s.tier_id,
           CASE WHEN s.tier_id IS NULL OR b.rule <> 'tier' THEN b.rule
                WHEN d.failed THEN 'failed'
                WHEN d.reported_in = b.reported_in THEN 'reported' ELSE b.rule END AS rule,
           CASE WHEN b.rule = 'tier' AND NOT d.failed AND d.reported_in = b.reported_in
                THEN billing_reported(s.price_micros, d.reported, b.floor_micros)
                ELSE coalesce(s.price_micros, 0) END AS price_micros
      FROM dealt d
      JOIN blocks b USING (block)
      LEFT JOIN steps s ON s.block = d.block AND d.position >= s.first
          AND (s.last IS NULL OR d.position <= s.last)
), charged AS (
    INSERT INTO billing_charge
        (message_id, business_id, month, billed_month, market, category, rule, position, tier_id,
         version_id, price_micros, delivered_at, charged_at)
    SELECT p.message_id, b.business_id, b.month, b.billed_month, b.market, b.category,
           p.rule, p.position, p.tier_id, b.version_id, p.price_micros, p.delivered_at, now()
      FROM priced p JOIN blocks b USING (block)
    RETURNING 1
), rolled AS (
    INSERT INTO billing_usage AS u
        (business_id, billed_month, month, market, category, rule, version_id, tier_id,
         price_micros, messages, amount_micros)
    SELECT b.business_id, b.billed_month, b.month, b.market, b.category,
           p.rule, b.version_id, coalesce(p.tier_id, 0), p.price_micros, p.messages, p.amount
      FROM (SELECT block, rule, tier_id,
                   CASE WHEN rule = 'reported' THEN 0 ELSE min(price_micros) END AS price_micros,
                   count(*) AS messages, sum(price_micros)::bigint AS amount
              FROM priced GROUP BY 1, 2, 3) p
      JOIN blocks b USING (block)
     ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
    ON CONFLICT (business_id, billed_month, month, market, category, rule, version_id, tier_id)
    DO UPDATE SET messages = u.messages + EXCLUDED.messages,
                  amount_micros = u.amount_micros + EXCLUDED.amount_micros
    RETURNING 1
)
SELECT (SELECT count(*) FROM charged), (SELECT count(*) FROM quarantined)
