-- Promises: what was agreed with a business for a month cannot change once that month has charges.
CREATE FUNCTION billing_choice_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before_terms text;
    after_terms text;
    charged date;
BEGIN
    FOR charged IN SELECT DISTINCT month FROM billing_tally
                    WHERE business_id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.business_id END,
                                          CASE WHEN TG_OP <> 'DELETE' THEN NEW.business_id END) LOOP
        before_terms := CASE WHEN TG_OP <> 'INSERT' AND charged <@ daterange(OLD.valid_from, OLD.valid_to)
                             THEN format('%s/%s/%s', OLD.business_id, OLD.card_id, OLD.discount_percent) END;
        after_terms := CASE WHEN TG_OP <> 'DELETE' AND charged <@ daterange(NEW.valid_from, NEW.valid_to)
                            THEN format('%s/%s/%s', NEW.business_id, NEW.card_id, NEW.discount_percent) END;
        IF before_terms IS DISTINCT FROM after_terms THEN
            RAISE EXCEPTION 'the month % has charges already: its card and discount cannot change', charged
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER is_kept BEFORE INSERT OR UPDATE OR DELETE ON billing_cardchoice
    FOR EACH ROW EXECUTE FUNCTION billing_choice_is_kept();
