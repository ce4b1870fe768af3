-- Promises: the raw bytes of a webhook are durable once this commits, one row however often they come.
INSERT INTO hosting_event (digest, account_id, source, body, received_at, attempts, not_before, last_error)
VALUES (%s, %s, %s, %s, now(), 0, now(), '')
-- No index is named: the row need not be one that its writer could read.
ON CONFLICT DO NOTHING
