-- Promises: a business never has more numbers than its plan allows, whatever runs at once: whoever
-- adds one holds the business's row until commit.
CREATE FUNCTION hosting_numbers_within_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    allowed int;
    plan_name text;
BEGIN
    PERFORM FROM accounts_business WHERE id = NEW.business_id FOR NO KEY UPDATE;
    SELECT p.max_numbers, p.name INTO allowed, plan_name
      FROM accounts_business b JOIN accounts_plan p ON p.code = b.plan_id WHERE b.id = NEW.business_id;
    IF allowed < (SELECT count(*) FROM hosting_number n WHERE n.business_id = NEW.business_id) THEN
        RAISE EXCEPTION 'The % plan has % numbers, and all are taken.', plan_name, allowed
            USING ERRCODE = 'check_violation', CONSTRAINT = 'numbers_within_plan';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER numbers_within_plan AFTER INSERT ON hosting_number
    FOR EACH ROW EXECUTE FUNCTION hosting_numbers_within_plan();
