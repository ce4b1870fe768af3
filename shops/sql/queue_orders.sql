-- Promises: an inbound order message waits to become an order from the very transaction that stored it, once; imported
-- history does not.
CREATE OR REPLACE FUNCTION shops_queue_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shops_incomingorder (message_id, business_id) VALUES (NEW.id, NEW.business_id)
        ON CONFLICT (message_id) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER queue_order AFTER INSERT ON hosting_message FOR EACH ROW
    WHEN (NEW.kind = 'order' AND NEW.direction = 'in' AND NEW.imported_from_id IS NULL)
    EXECUTE FUNCTION shops_queue_order();
