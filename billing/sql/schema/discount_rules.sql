-- Promises: what a discount took off a closed month stays: it may end after the last closed month,
-- and another may begin there, but none changes a month that is closed.
CREATE FUNCTION billing_discount_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before_terms text;
    after_terms text;
    closed date;
BEGIN
    FOR closed IN SELECT p.month FROM billing_period p
                   WHERE p.state = 'closed'
                     AND p.business_id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.business_id END,
                                           CASE WHEN TG_OP <> 'DELETE' THEN NEW.business_id END)
                   ORDER BY p.month LOOP
        before_terms := CASE WHEN TG_OP <> 'INSERT'
                                  AND closed BETWEEN OLD.first_month
                                                 AND coalesce(OLD.last_month, closed)
                             THEN format('%s/%s', OLD.business_id, OLD.percent) END;
        after_terms := CASE WHEN TG_OP <> 'DELETE'
                                 AND closed BETWEEN NEW.first_month
                                                AND coalesce(NEW.last_month, closed)
                            THEN format('%s/%s', NEW.business_id, NEW.percent) END;
        IF before_terms IS DISTINCT FROM after_terms THEN
            RAISE EXCEPTION 'the month % is closed: its discounts cannot change', closed
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER is_kept BEFORE INSERT OR UPDATE OR DELETE ON billing_discount
    FOR EACH ROW EXECUTE FUNCTION billing_discount_is_kept();
