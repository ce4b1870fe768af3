-- Promises: no business changes its plan, and no plan its fee, without a row that says from when on
-- at what fee: what was owed for a day does not change with what a plan costs later.
CREATE FUNCTION accounts_note_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.plan_id <> OLD.plan_id THEN
        INSERT INTO accounts_planterm (business_id, plan_id, started_at, fee_micros, currency)
        SELECT NEW.id, NEW.plan_id, coalesce(NEW.clock_at, now()), p.monthly_fee_micros, p.currency
          FROM accounts_plan p WHERE p.code = NEW.plan_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_plan AFTER INSERT OR UPDATE OF plan_id ON accounts_business
    FOR EACH ROW EXECUTE FUNCTION accounts_note_plan();

CREATE FUNCTION accounts_note_fee() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO accounts_planterm (business_id, plan_id, started_at, fee_micros, currency)
    SELECT z.id, NEW.code, coalesce(z.clock_at, now()), NEW.monthly_fee_micros, NEW.currency
      FROM accounts_business z WHERE z.plan_id = NEW.code ORDER BY z.id;
    RETURN NULL;
END $$;
CREATE TRIGGER note_fee AFTER UPDATE OF monthly_fee_micros, currency ON accounts_plan
    FOR EACH ROW WHEN ((OLD.monthly_fee_micros, OLD.currency)
                       IS DISTINCT FROM (NEW.monthly_fee_micros, NEW.currency))
    EXECUTE FUNCTION accounts_note_fee();
