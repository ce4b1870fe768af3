-- Promises: up to `limit` waiting deliveries leave the queue into this transaction's batch (an
-- abort puts them back); one whose message is in the ledger already leaves the queue and nothing
-- else. A batch takes all that waits of a business before the next one's, in the order of their
-- oldest row: few tallies a batch, and two workers on one queue rarely meet on the same. What they
-- hold is skipped, and then anything else that waits is taken. Claimed by ctid: the cheapest way
-- that skips. Each worker takes its share of the businesses (`shards`, `shard`).
WITH oldest AS MATERIALIZED (
    SELECT business_id, min(id) AS id
      FROM (SELECT business_id, id FROM hosting_delivery
             WHERE %(shards)s = 1 OR business_id %% %(shards)s = %(shard)s
             ORDER BY id LIMIT %(limit)s) front
     GROUP BY business_id ORDER BY min(id)
), gone AS (
    DELETE FROM hosting_delivery
     WHERE ctid = ANY (ARRAY(
        SELECT place FROM (
            SELECT mine.ctid AS place
              FROM oldest
             CROSS JOIN LATERAL (SELECT ctid FROM hosting_delivery d
                                  WHERE d.business_id = oldest.business_id
                                      ORDER BY d.id FOR UPDATE SKIP LOCKED) mine
            UNION ALL
            SELECT ctid FROM (SELECT ctid FROM hosting_delivery
                               WHERE %(shards)s = 1 OR business_id %% %(shards)s = %(shard)s
                               ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED) anybodys
        ) places LIMIT %(limit)s))
    RETURNING message_id, business_id, number_id, recipient, category, window_open, free_entry,
           free_entry_at, kind, accepted_at, delivered_at, failed
)
INSERT INTO pg_temp.meter_batch
SELECT * FROM gone
 WHERE NOT EXISTS (SELECT FROM billing_charge c WHERE c.message_id = gone.message_id
     AND c.reverses_id IS NULL)
