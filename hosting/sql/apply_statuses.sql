-- Promises: statuses may come doubled, shuffled or early and the message ends in the same state. The rank only rises
-- (accepted < sent < failed < delivered < read); each status keeps its first moment; the first proof of delivery
-- (delivered or read) writes one Delivery in this same statement, and so does the first failure without such proof,
-- marked as failed: while it waits, a later proof takes its place. The price that the network reports with the first
-- proof is written beside it; one that comes later is marked as late. A status without its message is parked, for the
-- business of its number only. Input: parallel arrays, one element a status. Output: the messages whose state rose,
-- with the statuses that were news.
WITH incoming AS (
    SELECT number_id, wamid,
           min(at) FILTER (WHERE status = 'sent') AS sent_at,
           min(at) FILTER (WHERE status = 'delivered') AS delivered_at,
           min(at) FILTER (WHERE status = 'read') AS read_at,
           min(at) FILTER (WHERE status = 'failed') AS failed_at,
           max(CASE status WHEN 'sent' THEN 1 WHEN 'failed' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4 END)
               AS rank,
           (array_agg(errors) FILTER (WHERE errors IS NOT NULL))[1] AS errors,
           -- Only what is delivered has a price; what a status before says is an estimate.
           (array_agg(price ORDER BY at) FILTER (WHERE price IS NOT NULL AND status IN ('delivered', 'read')))[1]
               AS price,
           (array_agg(currency ORDER BY at)
               FILTER (WHERE price IS NOT NULL AND status IN ('delivered', 'read')))[1] AS currency
      FROM unnest(%(number_ids)s::bigint[], %(wamids)s::text[], %(statuses)s::text[], %(times)s::timestamptz[],
                  %(errors)s::text[], %(prices)s::bigint[], %(currencies)s::text[])
                AS u (number_id, wamid, status, at, errors, price, currency)
     GROUP BY number_id, wamid
), known AS MATERIALIZED (
    SELECT m.business_id, m.id, m.status_rank AS old_rank, m.sent_at AS old_sent_at, m.delivered_at AS old_delivered_at,
           m.read_at AS old_read_at, m.failed_at AS old_failed_at, i.*
      FROM incoming i
      JOIN hosting_message m ON m.number_id = i.number_id AND m.wamid = i.wamid AND m.direction = 'out'
     ORDER BY m.id
       FOR UPDATE OF m
), updated AS (
    UPDATE hosting_message m
       SET status = CASE WHEN k.rank > m.status_rank
                         THEN (ARRAY['sent', 'failed', 'delivered', 'read'])[k.rank] ELSE m.status END,
           sent_at = coalesce(m.sent_at, k.sent_at),
           delivered_at = coalesce(m.delivered_at, k.delivered_at),
           read_at = coalesce(m.read_at, k.read_at),
           failed_at = coalesce(m.failed_at, k.failed_at),
           errors = coalesce(m.errors, k.errors::jsonb)
      FROM known k
     WHERE m.business_id = k.business_id AND m.id = k.id
       -- A repeated status changes nothing, so it writes nothing.
       AND (k.rank > m.status_rank
            OR (m.sent_at IS NULL AND k.sent_at IS NOT NULL)
            OR (m.delivered_at IS NULL AND k.delivered_at IS NOT NULL)
            OR (m.read_at IS NULL AND k.read_at IS NOT NULL)
            OR (m.failed_at IS NULL AND k.failed_at IS NOT NULL))
    RETURNING m.id, m.business_id, m.conversation_id, m.number_id, m.contact_id, m.category, m.window_open, m.created_at,
              m.kind, m.free_entry_at, m.imported_from_id, m.recipient
), proven AS (
    INSERT INTO hosting_delivery
        (message_id, business_id, number_id, recipient, category, kind, window_open, free_entry, free_entry_at, accepted_at,
         delivered_at, failed, created_at)
    SELECT u.id, u.business_id, u.number_id,
           -- Priced by the number that it was sent to, also when the customer has changed it since.
           coalesce(nullif(u.recipient, ''),
                    (SELECT f.wa_id FROM hosting_formernumber f
                      WHERE f.business_id = c.business_id AND f.contact_id = c.id AND f.changed_at >= u.created_at ORDER BY f.changed_at LIMIT 1), c.wa_id),
           u.category, u.kind, u.window_open,
           -- The protocol's own window; a rate card may set another, by the two moments.
           coalesce(u.created_at < u.free_entry_at + interval '72 hours', false), u.free_entry_at, u.created_at,
           -- A clock that runs wrong elsewhere must not move a message into another month: never before it was
           -- accepted, never after now.
           least(greatest(coalesce(k.delivered_at, k.read_at, k.failed_at), u.created_at),
                 greatest(coalesce(b.clock_at, now()), u.created_at)),
           k.rank < 3, now()
      FROM updated u
      JOIN known k ON k.id = u.id
      JOIN hosting_contact c ON c.business_id = u.business_id AND c.id = u.contact_id
      JOIN accounts_business b ON b.id = u.business_id
     WHERE k.old_delivered_at IS NULL AND k.old_read_at IS NULL
       AND (k.rank >= 3 OR (k.failed_at IS NOT NULL AND k.old_failed_at IS NULL))
       -- What was imported was delivered elsewhere: it is never metered.
       AND u.imported_from_id IS NULL
     -- Metered in this order, so that prices of one batch rise with the messages' own order.
     ORDER BY u.id
    ON CONFLICT (message_id) DO UPDATE SET failed = false, delivered_at = EXCLUDED.delivered_at
     WHERE hosting_delivery.failed AND NOT EXCLUDED.failed
), reported AS (
    INSERT INTO hosting_reportedprice (business_id, message_id, price_micros, currency, is_late, reported_at)
    SELECT k.business_id, k.id, k.price, k.currency,
           k.old_delivered_at IS NOT NULL OR k.old_read_at IS NOT NULL, now()
      FROM known k WHERE k.price IS NOT NULL
    ON CONFLICT (message_id) DO NOTHING
), parked AS (
    INSERT INTO hosting_parkedstatus
        (business_id, phone_number_id, wamid, status, occurred_at, received_at, errors, recipient, price_micros,
         price_currency)
    SELECT n.business_id, n.phone_number_id, u.wamid, u.status, min(u.at), now(), (array_agg(u.errors))[1]::jsonb,
           max(u.recipient), max(u.price), coalesce(max(u.currency), '')
      FROM unnest(%(number_ids)s::bigint[], %(wamids)s::text[], %(statuses)s::text[], %(times)s::timestamptz[],
                  %(errors)s::text[], %(recipients)s::text[], %(prices)s::bigint[], %(currencies)s::text[])
                AS u (number_id, wamid, status, at, errors, recipient, price, currency)
      JOIN hosting_number n ON n.id = u.number_id
     WHERE NOT EXISTS (SELECT FROM known k WHERE k.number_id = u.number_id AND k.wamid = u.wamid)
       AND NOT EXISTS (SELECT FROM hosting_message m WHERE m.number_id = u.number_id AND m.wamid = u.wamid)
     GROUP BY 1, 2, 3, 4
     ORDER BY 2, 3, 4
    ON CONFLICT (phone_number_id, wamid, status) DO NOTHING
)
SELECT u.business_id, u.conversation_id, v.public_id::text, u.id,
       array_remove(ARRAY[
           CASE WHEN k.sent_at IS NOT NULL AND k.old_sent_at IS NULL THEN 'sent' END,
           CASE WHEN k.delivered_at IS NOT NULL AND k.old_delivered_at IS NULL THEN 'delivered' END,
           CASE WHEN k.read_at IS NOT NULL AND k.old_read_at IS NULL THEN 'read' END,
           CASE WHEN k.failed_at IS NOT NULL AND k.old_failed_at IS NULL THEN 'failed' END], NULL) AS news
  FROM updated u
  JOIN known k ON k.id = u.id
  JOIN hosting_conversation v ON v.business_id = u.business_id AND v.id = u.conversation_id
