-- Promises: the deliveries of this session's batch leave the queue, and their batch is ended (an
-- abort puts both back). One whose message is in the ledger already leaves the queue and nothing
-- else. What the network reported in time for a marketing message goes with it. A batch that another session has taken over yields none.
WITH batch AS (
    DELETE FROM billing_meterbatch
     WHERE id = %(id)s AND attempts = %(attempts)s AND leased_by = pg_backend_pid()
    RETURNING businesses, firsts, lasts
), gone AS (
    DELETE FROM hosting_delivery d
     USING batch b CROSS JOIN LATERAL
           unnest(b.businesses, b.firsts, b.lasts) AS r (business_id, first, last)
     WHERE d.business_id = r.business_id AND d.id BETWEEN r.first AND r.last
    RETURNING d.message_id, d.business_id, d.number_id, d.recipient, d.category, d.window_open,
           d.free_entry, d.free_entry_at, d.kind, d.accepted_at, d.delivered_at, d.failed
)
INSERT INTO pg_temp.meter_batch
SELECT gone.*, n.price_micros, n.currency
  FROM gone
  LEFT JOIN LATERAL (
        SELECT r.price_micros, r.currency FROM hosting_reportedprice r
         WHERE gone.category = 'marketing' AND r.business_id = gone.business_id
           AND r.message_id = gone.message_id AND NOT r.is_late
         LIMIT 1) n ON true
 WHERE NOT EXISTS (SELECT FROM billing_charge c WHERE c.message_id = gone.message_id
     AND c.reverses_id IS NULL)
