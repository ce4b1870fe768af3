-- Promises: these quarantined deliveries are back in the queue, each once, and out of quarantine,
-- or none is.
WITH back AS (
    DELETE FROM billing_quarantine WHERE id = ANY (%s)
    RETURNING message_id, business_id, number_id, recipient, category, window_open, free_entry,
           free_entry_at, kind, accepted_at, delivered_at, failed
)
INSERT INTO hosting_delivery
    (message_id, business_id, number_id, recipient, category, window_open, free_entry,
     free_entry_at, kind, accepted_at, delivered_at, failed, created_at)
SELECT message_id, business_id, number_id, recipient, category, window_open, free_entry,
       free_entry_at, kind, accepted_at, delivered_at, failed, now()
  FROM back ORDER BY message_id
ON CONFLICT (message_id) DO NOTHING
