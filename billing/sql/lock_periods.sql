-- Promises: the open periods of the batch's businesses stay open until this transaction ends. A
-- statement of its own: the next one then sees whatever a closing that we waited for has left
-- behind, such as the month after.
SELECT FROM billing_period
 WHERE state = 'open' AND business_id IN (SELECT business_id FROM pg_temp.meter_batch)
 ORDER BY business_id, month
   FOR SHARE
