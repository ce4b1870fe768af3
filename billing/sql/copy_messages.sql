-- Promises: the same rows as messages_behind.sql (put in its place), written as the cells of a CSV:
-- a text that could run as a formula gets an apostrophe in front, line breaks become spaces,
-- moments are UTC, prices have all their decimals. Nearly every id begins with a letter or digit
-- and has no line break: those are not looked at twice.
COPY (
SELECT %(invoice)s, b.position, b.message_id,
       CASE WHEN b.wamid ~ '^\w[^\r\n]*$' THEN b.wamid
            ELSE nullif(regexp_replace(regexp_replace(b.wamid, '[\r\n]+', ' ', 'g'),
                                       '^(?=[ "'']*[=+\-@|\t])', ''''), '')
       END,
       CASE WHEN b.wa_id ~ '^\w[^\r\n]*$' THEN b.wa_id
            ELSE nullif(regexp_replace(regexp_replace(b.wa_id, '[\r\n]+', ' ', 'g'),
                                       '^(?=[ "'']*[=+\-@|\t])', ''''), '')
       END,
       replace((b.delivered_at AT TIME ZONE 'UTC')::text, ' ', 'T') || '+00:00',
       left(b.month::text, 7), %(market)s, b.category, b.rule, b.counted, b.tier_first, b.tier_last,
       trim_scale(b.price_micros / 1000000.0), %(currency)s
  FROM (/* behind */) AS b (id, position, message_id, wamid, wa_id, delivered_at, month, market,
                            category, rule, counted, tier_first, tier_last, price_micros)
) TO STDOUT WITH (FORMAT csv)
