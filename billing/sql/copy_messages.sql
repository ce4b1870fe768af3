-- Promises: the same rows as messages_behind.sql (put in its place), written as the cells of a CSV: a text that could run
-- as a formula gets an apostrophe in front, line breaks become spaces, moments are UTC, prices have all their decimals.
COPY (
SELECT %(invoice)s, b.position, b.message_id,
       nullif(regexp_replace(regexp_replace(b.wamid, '[\r\n]+', ' ', 'g'), '^(?=[ "'']*[=+\-@|\t])', ''''), ''),
       nullif(regexp_replace(regexp_replace(b.wa_id, '[\r\n]+', ' ', 'g'), '^(?=[ "'']*[=+\-@|\t])', ''''), ''),
       to_char(b.delivered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
           || CASE WHEN extract(microseconds FROM b.delivered_at)::bigint %% 1000000 <> 0
                   THEN to_char(b.delivered_at AT TIME ZONE 'UTC', '.US') ELSE '' END || '+00:00',
       to_char(b.month, 'YYYY-MM'), regexp_replace(b.market, '^(?=[ "'']*[=+\-@|\t])', ''''), b.category, b.rule,
       b.counted, b.tier_first, b.tier_last, trim_scale(b.price_micros / 1000000.0), %(currency)s
  FROM (/* behind */) AS b (id, position, message_id, wamid, wa_id, delivered_at, month, market, category, rule, counted,
                            tier_first, tier_last, price_micros)
) TO STDOUT WITH (FORMAT csv)
