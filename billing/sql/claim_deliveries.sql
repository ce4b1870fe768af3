-- Promises: up to `limit` waiting deliveries leave the queue into this transaction's batch (an abort puts them back);
-- one whose message is in the ledger already leaves the queue and nothing else. Claimed by ctid: the cheapest way that
-- still skips what another worker holds. Each worker takes its share of the businesses (`shards`, `shard`).
WITH gone AS (
    DELETE FROM hosting_delivery
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM hosting_delivery
                              WHERE %(shards)s = 1 OR business_id %% %(shards)s = %(shard)s
                              ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
    RETURNING message_id, business_id, number_id, recipient, category, window_open, free_entry, delivered_at
)
INSERT INTO pg_temp.meter_batch
SELECT * FROM gone WHERE NOT EXISTS (SELECT FROM billing_charge c WHERE c.message_id = gone.message_id)
