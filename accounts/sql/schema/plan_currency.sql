-- Promises: a business is on no plan, now or from next month on, whose fee is in another currency
-- than its own.
CREATE FUNCTION accounts_plan_in_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM accounts_plan p
                WHERE p.code IN (NEW.plan_id, NEW.next_plan_id)
                  AND p.monthly_fee_micros > 0 AND p.currency <> NEW.currency) THEN
        RAISE EXCEPTION 'the plan''s fee is in another currency than the business''s (%)',
            NEW.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'plan_in_currency_of_business';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_in_currency BEFORE INSERT OR UPDATE OF plan_id, next_plan_id, currency
    ON accounts_business
    FOR EACH ROW EXECUTE FUNCTION accounts_plan_in_currency();

CREATE FUNCTION accounts_plan_keeps_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.monthly_fee_micros > 0
       AND EXISTS (SELECT FROM accounts_business z
                    WHERE NEW.code IN (z.plan_id, z.next_plan_id)
                      AND z.currency <> NEW.currency) THEN
        RAISE EXCEPTION 'businesses in another currency than % are on this plan', NEW.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'plan_in_currency_of_business';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keeps_currency BEFORE UPDATE OF monthly_fee_micros, currency ON accounts_plan
    FOR EACH ROW EXECUTE FUNCTION accounts_plan_keeps_currency();
