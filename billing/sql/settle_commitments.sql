-- Promises: the commitments of this batch's messages are gone, in the transaction that writes their
-- charges.
WITH capped AS MATERIALIZED (
    SELECT business_id, message_id FROM pg_temp.meter_batch
        WHERE business_id IN (SELECT business_id FROM billing_commitment)
)
DELETE FROM billing_commitment k
 USING capped c
  JOIN hosting_message m ON m.business_id = c.business_id AND m.id = c.message_id
 WHERE k.business_id = m.business_id AND k.number_id = m.number_id AND k.wamid = m.wamid
