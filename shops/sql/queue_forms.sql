-- Promises: besides replies to a shop's own questions and texts that name a cart, a form that a buyer has sent (an address
-- message, a flow) waits beside the orders from the transaction that stored it; imported history does not.
CREATE TRIGGER queue_form AFTER INSERT ON hosting_message FOR EACH ROW
    WHEN (NEW.direction = 'in' AND NEW.imported_from_id IS NULL AND NEW.kind = 'interactive'
        AND NEW.content -> 'nfm_reply' ->> 'name' IN ('address_message', 'flow'))
    EXECUTE FUNCTION shops_queue_order();
