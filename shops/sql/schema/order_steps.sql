-- Promises: an order goes only from a state to one that may follow it, whatever a program gets
-- wrong; what was ordered and its prices never change once the order left `placed`.
CREATE FUNCTION shops_order_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('placed', 'confirmed'), ('placed', 'cancelled'), ('placed', 'expired'),
        -- Paid too late, and the goods were still there.
        ('expired', 'confirmed'),
        ('confirmed', 'packed'), ('confirmed', 'shipped'), ('confirmed', 'delivered'), ('confirmed', 'cancelled'),
        ('packed', 'shipped'), ('packed', 'delivered'), ('packed', 'cancelled'),
        ('shipped', 'delivered')
    ) THEN
        RAISE EXCEPTION 'an order cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state <> 'placed' AND (NEW.subtotal_minor, NEW.delivery_minor, NEW.tax_minor, NEW.total_minor, NEW.currency)
       IS DISTINCT FROM (OLD.subtotal_minor, OLD.delivery_minor, OLD.tax_minor, OLD.total_minor, OLD.currency) THEN
        RAISE EXCEPTION 'the sums of an order are final once it is %', OLD.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER steps BEFORE UPDATE ON shops_order FOR EACH ROW EXECUTE FUNCTION shops_order_steps();
-- New orders begin at the beginning.
CREATE FUNCTION shops_order_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'placed' OR NEW.paid_minor <> 0 THEN
        RAISE EXCEPTION 'an order begins as placed and unpaid' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER begins BEFORE INSERT ON shops_order FOR EACH ROW EXECUTE FUNCTION shops_order_begins();
