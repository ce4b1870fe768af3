-- Promises: the deliveries of this session's batch, which is ended, are in quarantine with the reason
-- and the error; one whose message is in the ledger already is nowhere.
-- Output: how many left the queue, and how many are in the ledger or in quarantine.
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
), charged AS MATERIALIZED (
    SELECT g.message_id FROM gone g
      JOIN billing_charge c ON c.message_id = g.message_id AND c.reverses_id IS NULL
), kept AS (
    INSERT INTO billing_quarantine
        (message_id, business_id, number_id, recipient, category, window_open, free_entry,
         free_entry_at, kind, accepted_at, delivered_at, failed, reason, error, quarantined_at)
    SELECT message_id, business_id, number_id, recipient, category, window_open, free_entry,
           free_entry_at, kind, accepted_at, delivered_at, failed, %(reason)s, %(error)s, now()
      FROM gone WHERE message_id <> ALL (ARRAY(SELECT message_id FROM charged))
    ON CONFLICT (message_id) DO UPDATE SET reason = EXCLUDED.reason, error = EXCLUDED.error
    RETURNING message_id
)
SELECT (SELECT count(*) FROM gone),
       (SELECT count(*) FROM charged) + (SELECT count(*) FROM kept)
