-- Promises: every delivery of the batch becomes exactly one charge, or goes to quarantine with the reason. Positions
-- are dense per business, month, market, category and rule (failed messages that are charged take those of `tier`):
-- the tally hands out one block per key, in key order, and row_number() deals it out; the position picks the tier. A clash of positions or messages aborts the batch: there is
-- no ON CONFLICT on the ledger. The rollup that invoices copy moves in the same statement. Open periods are
-- share-locked first, so closing waits for this batch, or this batch for closing.
WITH open AS MATERIALIZED (
    SELECT business_id, month
      FROM billing_period
     WHERE state = 'open' AND business_id IN (SELECT business_id FROM pg_temp.meter_batch)
     ORDER BY business_id, month
       FOR SHARE
), earliest AS (
    SELECT business_id, min(month) AS month FROM open GROUP BY business_id
), dated AS MATERIALIZED (
    SELECT b.*, p.month
      FROM pg_temp.meter_batch b
      LEFT JOIN billing_period p
        ON p.business_id = b.business_id AND b.delivered_at >= p.starts_at AND b.delivered_at < p.ends_at
), months AS (
    SELECT DISTINCT month FROM dated WHERE month IS NOT NULL
), codes AS MATERIALIZED (
    SELECT m.month, c.prefix, c.market_id AS market
      FROM months m
      JOIN billing_callingcode c ON c.valid_from <= m.month AND (c.valid_to IS NULL OR c.valid_to > m.month)
), homes AS MATERIALIZED (
    SELECT DISTINCT ON (m.month, c.country) m.month, c.country, c.market_id AS market
      FROM months m
      JOIN billing_callingcode c ON c.valid_from <= m.month AND (c.valid_to IS NULL OR c.valid_to > m.month)
     ORDER BY m.month, c.country, length(c.prefix), c.prefix
), versions AS MATERIALIZED (
    -- A business follows the card chosen for it, else the default card of its currency.
    SELECT k.business_id, k.month, o.month AS own_open, e.month AS earliest_open, h.market AS home,
           v.id AS version_id, v.service_free_in_window, v.utility_free_in_window, v.free_messages,
           v.free_entry_hours, v.reactions_free,
           coalesce(choice.discount_percent, 0) AS discount_percent, card.floor_micros
      FROM (SELECT DISTINCT business_id, month FROM dated) k
      JOIN accounts_business z ON z.id = k.business_id
      LEFT JOIN open o ON o.business_id = k.business_id AND o.month = k.month
      LEFT JOIN earliest e ON e.business_id = k.business_id
      LEFT JOIN homes h ON h.month = k.month AND h.country = z.country
      LEFT JOIN billing_cardchoice choice
        ON choice.business_id = k.business_id
       AND choice.valid_from <= k.month AND (choice.valid_to IS NULL OR choice.valid_to > k.month)
      LEFT JOIN billing_ratecard standard ON standard.is_default AND standard.currency = z.currency
      LEFT JOIN billing_ratecard card ON card.id = coalesce(choice.card_id, standard.id)
      LEFT JOIN billing_cardversion v
        ON v.card_id = card.id AND v.state <> 'draft'
       AND v.valid_from <= k.month AND (v.valid_to IS NULL OR v.valid_to > k.month)
), placed AS MATERIALIZED (
    SELECT d.*, coalesce(v.own_open, v.earliest_open) AS billed_month, v.version_id, v.home,
           v.free_messages, v.discount_percent, v.floor_micros,
           coalesce(c7.market, c6.market, c5.market, c4.market, c3.market, c2.market, c1.market, 'Other') AS market,
           CASE WHEN d.free_entry AND coalesce(d.accepted_at < d.free_entry_at + v.free_entry_hours * interval '1 hour',
                                               v.free_entry_hours > 0) THEN 'free_entry'
                WHEN d.kind = 'reaction' AND v.reactions_free THEN 'reaction'
                WHEN d.category = 'service' AND d.window_open AND v.service_free_in_window THEN 'service_in_window'
                WHEN d.category = 'utility' AND d.window_open AND v.utility_free_in_window THEN 'utility_in_window'
                ELSE 'tier' END AS rule
      FROM dated d
      LEFT JOIN versions v ON v.business_id = d.business_id AND v.month = d.month
      -- The longest prefix wins; seven hash joins are cheaper than a search per row.
      LEFT JOIN codes c1 ON c1.month = d.month AND c1.prefix = left(d.recipient, 1)
      LEFT JOIN codes c2 ON c2.month = d.month AND c2.prefix = left(d.recipient, 2)
      LEFT JOIN codes c3 ON c3.month = d.month AND c3.prefix = left(d.recipient, 3)
      LEFT JOIN codes c4 ON c4.month = d.month AND c4.prefix = left(d.recipient, 4)
      LEFT JOIN codes c5 ON c5.month = d.month AND c5.prefix = left(d.recipient, 5)
      LEFT JOIN codes c6 ON c6.month = d.month AND c6.prefix = left(d.recipient, 6)
      LEFT JOIN codes c7 ON c7.month = d.month AND c7.prefix = left(d.recipient, 7)
), rated AS MATERIALIZED (
    -- Authentication sent from another market has a price of its own where the card names one.
    SELECT p.message_id, p.business_id, p.number_id, p.recipient, p.window_open, p.free_entry, p.free_entry_at, p.kind,
           p.accepted_at, p.delivered_at, p.failed, p.month,
           p.billed_month, p.market, p.rule, p.version_id, p.free_messages, p.discount_percent, p.floor_micros,
           p.category AS sent_as, coalesce(abroad.category, p.category) AS category,
           coalesce(abroad.id, r.id) AS rate_id,
           CASE WHEN p.version_id IS NULL THEN 'no_card'
                WHEN p.billed_month IS NULL THEN 'no_period'
                WHEN p.rule = 'tier' AND coalesce(abroad.id, r.id) IS NULL THEN 'no_rate' END AS refused
      FROM placed p
      LEFT JOIN billing_rate r ON r.version_id = p.version_id AND r.market_id = p.market AND r.category = p.category
      LEFT JOIN billing_rate abroad
        ON abroad.category = 'authentication-international' AND p.category = 'authentication'
       AND abroad.version_id = p.version_id AND abroad.market_id = p.market AND p.home IS DISTINCT FROM p.market
), quarantined AS (
    INSERT INTO billing_quarantine
        (message_id, business_id, number_id, recipient, category, window_open, free_entry, free_entry_at, kind,
         accepted_at, delivered_at, failed, reason, quarantined_at)
    SELECT message_id, business_id, number_id, recipient, sent_as, window_open, free_entry, free_entry_at, kind,
           accepted_at, delivered_at, failed, refused, now()
      FROM rated WHERE refused IS NOT NULL
    ON CONFLICT (message_id) DO UPDATE SET reason = EXCLUDED.reason
    RETURNING 1
), counted AS MATERIALIZED (
    -- Only service messages under a card with free messages; counted per number and market, so that the number of
    -- priced messages, and with it the month's total, does not depend on the order of processing.
    SELECT message_id, business_id, month, number_id, market, category, free_messages, delivered_at
      FROM rated
     WHERE refused IS NULL AND rule = 'tier' AND category = 'service' AND free_messages > 0
), number_keys AS MATERIALIZED (
    SELECT business_id, month, number_id, market, category, count(*) AS messages
      FROM counted GROUP BY 1, 2, 3, 4, 5
), number_bumped AS (
    INSERT INTO billing_numbertally AS t (business_id, month, number_id, market, category, messages)
    SELECT business_id, month, number_id, market, category, messages FROM number_keys ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (business_id, month, number_id, market, category) DO UPDATE SET messages = t.messages + EXCLUDED.messages
    RETURNING business_id, month, number_id, market, category, messages
), allowed AS MATERIALIZED (
    SELECT message_id
      FROM (SELECT c.message_id, c.free_messages, b.messages - k.messages + row_number() OVER (
                       PARTITION BY c.business_id, c.month, c.number_id, c.market, c.category
                       ORDER BY c.delivered_at, c.message_id) AS nth
              FROM counted c
              JOIN number_keys k USING (business_id, month, number_id, market, category)
              JOIN number_bumped b USING (business_id, month, number_id, market, category)) x
     WHERE nth <= free_messages
), ruled AS MATERIALIZED (
    SELECT r.message_id, r.business_id, r.month, r.billed_month, r.market, r.category, r.version_id, r.rate_id,
           r.discount_percent, r.floor_micros, r.delivered_at, r.failed,
           CASE WHEN a.message_id IS NULL THEN r.rule ELSE 'allowance' END AS rule
      FROM rated r
      LEFT JOIN allowed a ON a.message_id = r.message_id
     WHERE r.refused IS NULL
), keys AS MATERIALIZED (
    SELECT business_id, month, market, category, rule, count(*) AS messages FROM ruled GROUP BY 1, 2, 3, 4, 5
), bumped AS (
    INSERT INTO billing_tally AS t (business_id, month, market, category, rule, positions)
    SELECT business_id, month, market, category, rule, messages FROM keys ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (business_id, month, market, category, rule) DO UPDATE SET positions = t.positions + EXCLUDED.positions
    RETURNING business_id, month, market, category, rule, positions
), blocks AS MATERIALIZED (
    SELECT k.*, b.positions - k.messages AS taken
      FROM keys k JOIN bumped b USING (business_id, month, market, category, rule)
), dealt AS (
    SELECT r.*, b.taken + row_number() OVER (
               PARTITION BY r.business_id, r.month, r.market, r.category, r.rule ORDER BY r.delivered_at, r.message_id
           ) AS position
      FROM ruled r
      JOIN blocks b USING (business_id, month, market, category, rule)
), charged AS (
    INSERT INTO billing_charge
        (message_id, business_id, month, billed_month, market, category, rule, position, tier_id, version_id,
         price_micros, delivered_at, charged_at)
    SELECT d.message_id, d.business_id, d.month, d.billed_month, d.market, d.category,
           CASE WHEN d.failed AND d.rule = 'tier' THEN 'failed' ELSE d.rule END, d.position, t.id,
           d.version_id,
           CASE WHEN d.rule = 'tier' THEN billing_price(t.price_micros, d.discount_percent, d.floor_micros) ELSE 0 END,
           d.delivered_at, now()
      FROM dealt d
      LEFT JOIN billing_tier t
        ON d.rule = 'tier' AND t.rate_id = d.rate_id AND d.position >= t.first
       AND (t.last IS NULL OR d.position <= t.last)
    RETURNING business_id, billed_month, month, market, category, rule, version_id, tier_id, price_micros
), rolled AS (
    INSERT INTO billing_usage AS u
        (business_id, billed_month, month, market, category, rule, version_id, tier_id, price_micros, messages,
         amount_micros)
    SELECT business_id, billed_month, month, market, category, rule, version_id, coalesce(tier_id, 0),
           price_micros, count(*), sum(price_micros)
      FROM charged
     GROUP BY business_id, billed_month, month, market, category, rule, version_id, coalesce(tier_id, 0), price_micros
     ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
    ON CONFLICT (business_id, billed_month, month, market, category, rule, version_id, tier_id)
    DO UPDATE SET messages = u.messages + EXCLUDED.messages, amount_micros = u.amount_micros + EXCLUDED.amount_micros
    RETURNING 1
)
SELECT (SELECT count(*) FROM charged), (SELECT count(*) FROM quarantined)
