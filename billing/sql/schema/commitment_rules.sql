-- Promises: of two minimum commitments of a business never both hold for one month; one is in the
-- currency of each of its months, which no change of the business's currency leaves behind; and what
-- a closed month was committed to stays: a commitment may end after the last closed month, and
-- another may begin there.
ALTER TABLE billing_minimumcommitment ADD CONSTRAINT commitments_do_not_overlap
    EXCLUDE USING gist (int8range(business_id, business_id, '[]') WITH &&,
                        daterange(first_month, last_month, '[]') WITH &&);
CREATE TRIGGER take_currency BEFORE INSERT ON billing_minimumcommitment
    FOR EACH ROW EXECUTE FUNCTION billing_take_currency();

CREATE FUNCTION billing_commitment_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before_terms text;
    after_terms text;
    one record;
BEGIN
    FOR one IN SELECT p.month, p.state, p.currency FROM billing_period p
                WHERE p.business_id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.business_id END,
                                        CASE WHEN TG_OP <> 'DELETE' THEN NEW.business_id END)
                ORDER BY p.month LOOP
        before_terms := CASE WHEN TG_OP <> 'INSERT'
                                  AND one.month BETWEEN OLD.first_month
                                                    AND coalesce(OLD.last_month, one.month)
                             THEN format('%s/%s', OLD.business_id, OLD.amount_micros) END;
        after_terms := CASE WHEN TG_OP <> 'DELETE'
                                 AND one.month BETWEEN NEW.first_month
                                                   AND coalesce(NEW.last_month, one.month)
                            THEN format('%s/%s', NEW.business_id, NEW.amount_micros) END;
        IF one.state = 'closed' AND before_terms IS DISTINCT FROM after_terms THEN
            RAISE EXCEPTION 'the month % is closed: its minimum commitment cannot change', one.month
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF after_terms IS NOT NULL AND one.currency <> NEW.currency THEN
            RAISE EXCEPTION 'the commitment is in %, the month % in %', NEW.currency, one.month,
                one.currency
                USING ERRCODE = 'check_violation', CONSTRAINT = 'commitment_in_currency';
        END IF;
    END LOOP;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
-- After `take_currency`, in the order of their names.
CREATE TRIGGER terms_are_kept BEFORE INSERT OR UPDATE OR DELETE ON billing_minimumcommitment
    FOR EACH ROW EXECUTE FUNCTION billing_commitment_is_kept();

CREATE FUNCTION billing_commitment_keeps_currency() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    next_month date;
BEGIN
    SELECT (m.month + interval '1 month')::date INTO next_month
      FROM billing_month(OLD.id, coalesce(OLD.clock_at, now())) m;
    IF EXISTS (SELECT FROM billing_minimumcommitment c
                WHERE c.business_id = OLD.id AND c.currency <> NEW.currency
                  AND (c.last_month IS NULL OR c.last_month >= next_month)) THEN
        RAISE EXCEPTION 'a minimum in another currency is agreed from % on: end that first', next_month
            USING ERRCODE = 'check_violation', CONSTRAINT = 'commitment_in_currency';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commitment_in_currency BEFORE UPDATE OF currency ON accounts_business
    FOR EACH ROW WHEN (OLD.currency IS DISTINCT FROM NEW.currency)
    EXECUTE FUNCTION billing_commitment_keeps_currency();
