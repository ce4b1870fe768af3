-- Promises: what a buyer answers to a shop's own question (its ids begin with `shop:`), and a text that names a cart by its
-- code (`#` and ten letters), wait beside the orders from the transaction that stored them; imported history does not.
CREATE TRIGGER queue_reply AFTER INSERT ON hosting_message FOR EACH ROW
    WHEN (NEW.direction = 'in' AND NEW.imported_from_id IS NULL AND (
        (NEW.kind = 'interactive'
            AND coalesce(NEW.content -> 'button_reply' ->> 'id', NEW.content -> 'list_reply' ->> 'id') LIKE 'shop:%')
        OR (NEW.kind = 'text' AND NEW.text ~ '#[2-9A-HJ-NP-Z]{10}([^0-9A-Z]|$)')
    ))
    EXECUTE FUNCTION shops_queue_order();
