-- Promises: a payment is of its order's whole amount, and while it is under way the amount of the
-- order stays; what is booked as paid is what payments brought; refunds of a payment are at most
-- its amount; the goods of an order cost what its lines say.

CREATE FUNCTION shops_payment_begins() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    due record;
BEGIN
    -- The lock lets no change of the order's amount pass by.
    SELECT total_minor, currency INTO due FROM shops_order
     WHERE business_id = NEW.business_id AND id = NEW.order_id FOR UPDATE;
    IF (NEW.amount_minor, NEW.currency) IS DISTINCT FROM (due.total_minor, due.currency) THEN
        RAISE EXCEPTION 'a payment of % % does not fit an order of % %',
            NEW.amount_minor, NEW.currency, due.total_minor, due.currency
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_begins BEFORE INSERT ON shops_buyerpayment
    FOR EACH ROW EXECUTE FUNCTION shops_payment_begins();

CREATE FUNCTION shops_payment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'amount, currency and order of a payment are final'
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER payment_stays BEFORE UPDATE ON shops_buyerpayment FOR EACH ROW
    WHEN ((OLD.amount_minor, OLD.currency, OLD.order_id)
          IS DISTINCT FROM (NEW.amount_minor, NEW.currency, NEW.order_id))
    EXECUTE FUNCTION shops_payment_stays();

CREATE FUNCTION shops_order_amount_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM shops_buyerpayment p
                WHERE p.business_id = NEW.business_id AND p.order_id = NEW.id
                  AND p.status IN ('open', 'pending', 'unknown', 'succeeded')) THEN
        RAISE EXCEPTION 'the amount of an order stays while a payment of it is under way'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER amount_stays BEFORE UPDATE ON shops_order FOR EACH ROW
    WHEN ((OLD.total_minor, OLD.currency) IS DISTINCT FROM (NEW.total_minor, NEW.currency))
    EXECUTE FUNCTION shops_order_amount_stays();

CREATE FUNCTION shops_order_paid() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    received bigint;
BEGIN
    SELECT coalesce(sum(p.amount_minor), 0) INTO received FROM shops_buyerpayment p
     WHERE p.business_id = NEW.business_id AND p.order_id = NEW.id AND p.status = 'succeeded';
    IF NEW.paid_minor <> received THEN
        RAISE EXCEPTION 'an order cannot be paid with %: its payments brought %',
            NEW.paid_minor, received USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER paid BEFORE UPDATE ON shops_order FOR EACH ROW
    WHEN (OLD.paid_minor IS DISTINCT FROM NEW.paid_minor)
    EXECUTE FUNCTION shops_order_paid();

CREATE FUNCTION shops_refund_begins() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    received bigint;
    returned bigint;
BEGIN
    SELECT amount_minor INTO received FROM shops_buyerpayment
     WHERE business_id = NEW.business_id AND id = NEW.payment_id AND status = 'succeeded'
       FOR UPDATE;
    SELECT coalesce(sum(amount_minor), 0) INTO returned FROM shops_buyerrefund
     WHERE business_id = NEW.business_id AND payment_id = NEW.payment_id;
    IF received IS NULL OR returned + NEW.amount_minor > received THEN
        RAISE EXCEPTION 'refunds of % do not fit a payment of %',
            returned + NEW.amount_minor, coalesce(received, 0) USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_begins BEFORE INSERT ON shops_buyerrefund
    FOR EACH ROW EXECUTE FUNCTION shops_refund_begins();

CREATE FUNCTION shops_order_lines_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ordered bigint;
    lines bigint;
BEGIN
    SELECT o.subtotal_minor INTO ordered FROM shops_order o
     WHERE o.business_id = NEW.business_id AND o.id = NEW.id;
    SELECT coalesce(sum(l.amount_minor), 0) INTO lines FROM shops_orderline l
     WHERE l.business_id = NEW.business_id AND l.order_id = NEW.id;
    IF ordered <> lines THEN
        RAISE EXCEPTION 'an order over % has lines of %', ordered, lines
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
-- When the transaction ends: lines are written after their order.
CREATE CONSTRAINT TRIGGER lines_sum AFTER INSERT ON shops_order
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shops_order_lines_sum();

CREATE FUNCTION shops_order_line_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was ordered and its price are final' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER line_stays BEFORE UPDATE ON shops_orderline FOR EACH ROW
    WHEN ((OLD.order_id, OLD.quantity, OLD.unit_minor, OLD.amount_minor, OLD.tax_percent)
          IS DISTINCT FROM
          (NEW.order_id, NEW.quantity, NEW.unit_minor, NEW.amount_minor, NEW.tax_percent))
    EXECUTE FUNCTION shops_order_line_stays();
