-- Promises: no business changes its plan without a row that says from when on.
CREATE FUNCTION accounts_note_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.plan_id <> OLD.plan_id THEN
        INSERT INTO accounts_planterm (business_id, plan_id, started_at)
        VALUES (NEW.id, NEW.plan_id, coalesce(NEW.clock_at, now()));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_plan AFTER INSERT OR UPDATE OF plan_id ON accounts_business
    FOR EACH ROW EXECUTE FUNCTION accounts_note_plan();
