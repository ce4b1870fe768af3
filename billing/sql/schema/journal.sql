-- Promises: the postings of an event add up to zero in its one currency when the transaction ends.
-- As the owner of the table: whoever ends the transaction need not see the rows any more.
CREATE FUNCTION billing_event_balances() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found record;
BEGIN
    SELECT sum(amount_minor) AS total, count(DISTINCT currency) AS currencies INTO found
      FROM billing_posting WHERE business_id = NEW.business_id AND event = NEW.event;
    IF found.total <> 0 OR found.currencies <> 1 THEN
        RAISE EXCEPTION 'the journal entry % does not balance', NEW.event
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balances AFTER INSERT ON billing_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.position = 1)
    EXECUTE FUNCTION billing_event_balances();
