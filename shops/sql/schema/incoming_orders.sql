-- Promises: an inbound order message waits to become an order from the very transaction that stored
-- it, once. So do what a buyer answers to a shop's own question (its ids begin with `shop:`), a
-- text that names a cart by its code (`#` and ten letters), and a form that a buyer has sent (an
-- address message, a flow). Imported history does not wait.
CREATE FUNCTION shops_queue_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shops_incomingorder (message_id, business_id) VALUES (NEW.id, NEW.business_id)
        ON CONFLICT (message_id) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER queue_order AFTER INSERT ON hosting_message FOR EACH ROW
    WHEN (NEW.kind = 'order' AND NEW.direction = 'in' AND NEW.imported_from_id IS NULL)
    EXECUTE FUNCTION shops_queue_order();
CREATE TRIGGER queue_reply AFTER INSERT ON hosting_message FOR EACH ROW
    WHEN (NEW.direction = 'in' AND NEW.imported_from_id IS NULL AND (
        (NEW.kind = 'interactive'
            AND coalesce(NEW.content -> 'button_reply' ->> 'id', NEW.content -> 'list_reply' ->> 'id') LIKE 'shop:%')
        OR (NEW.kind = 'text' AND NEW.text ~ '#[2-9A-HJ-NP-Z]{10}([^0-9A-Z]|$)')
    ))
    EXECUTE FUNCTION shops_queue_order();
CREATE TRIGGER queue_form AFTER INSERT ON hosting_message FOR EACH ROW
    WHEN (NEW.direction = 'in' AND NEW.imported_from_id IS NULL AND NEW.kind = 'interactive'
        AND NEW.content -> 'nfm_reply' ->> 'name' IN ('address_message', 'flow'))
    EXECUTE FUNCTION shops_queue_order();
