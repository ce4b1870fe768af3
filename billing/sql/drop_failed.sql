-- Promises: failed messages whose card charges nothing for failures have left the batch, with no
-- trace in the books: no position, no period, no allowance. One whose month has no card stays, to
-- be quarantined. The month is the one that open_periods will find, or make. A failure that waits
-- in quarantine is gone when its message was delivered after all.
WITH superseded AS (
    DELETE FROM billing_quarantine q
     USING pg_temp.meter_batch b
     WHERE q.failed AND q.message_id = b.message_id AND NOT b.failed
), dated AS MATERIALIZED (
    SELECT b.message_id, b.business_id, m.month
      FROM pg_temp.meter_batch b CROSS JOIN LATERAL billing_month(b.business_id, b.delivered_at) m
     WHERE b.failed
), free AS MATERIALIZED (
    SELECT k.business_id, k.month
      FROM (SELECT DISTINCT business_id, month FROM dated) k
     CROSS JOIN LATERAL billing_terms(k.business_id, k.month) t
     WHERE NOT t.failed_charged
)
DELETE FROM pg_temp.meter_batch b
 USING dated d JOIN free f ON f.business_id = d.business_id AND f.month = d.month
 WHERE b.message_id = d.message_id AND b.failed
