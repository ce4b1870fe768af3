-- Promises: every change of an order's state, payment or refunds writes a row from which buyer and
-- business are notified, in the same transaction and whatever program made the change.
CREATE FUNCTION shops_note_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO shops_orderupdate (business_id, order_id, kind) VALUES (NEW.business_id, NEW.id, 'placed');
        RETURN NULL;
    END IF;
    IF NEW.paid_minor > OLD.paid_minor THEN
        INSERT INTO shops_orderupdate (business_id, order_id, kind, amount_minor)
             VALUES (NEW.business_id, NEW.id, 'paid', NEW.paid_minor);
    END IF;
    IF NEW.state <> OLD.state THEN
        INSERT INTO shops_orderupdate (business_id, order_id, kind) VALUES (NEW.business_id, NEW.id, NEW.state);
    END IF;
    IF NEW.refunded_minor > OLD.refunded_minor THEN
        INSERT INTO shops_orderupdate (business_id, order_id, kind, amount_minor)
             VALUES (NEW.business_id, NEW.id, 'refunded', NEW.refunded_minor - OLD.refunded_minor);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_order AFTER INSERT OR UPDATE ON shops_order FOR EACH ROW EXECUTE FUNCTION shops_note_order();
