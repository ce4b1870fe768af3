-- Promises: a business never has more webhooks, nor asks for more exports a month (UTC), than its
-- plan allows, whatever runs at once: whoever adds one holds the business's row until commit.
-- Exports that failed do not count.
CREATE FUNCTION hosting_webhooks_within_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    plan record;
BEGIN
    PERFORM FROM accounts_business WHERE id = NEW.business_id FOR NO KEY UPDATE;
    SELECT p.name, p.max_webhooks INTO plan
      FROM accounts_business b JOIN accounts_plan p ON p.code = b.plan_id WHERE b.id = NEW.business_id;
    IF plan.max_webhooks < (SELECT count(*) FROM hosting_webhook w
                         WHERE w.business_id = NEW.business_id AND w.removed_at IS NULL) THEN
        RAISE EXCEPTION 'The % plan has % webhooks, and all are taken.', plan.name, plan.max_webhooks
            USING ERRCODE = 'check_violation', CONSTRAINT = 'webhooks_within_plan';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER webhooks_within_plan AFTER INSERT ON hosting_webhook
    FOR EACH ROW EXECUTE FUNCTION hosting_webhooks_within_plan();

CREATE FUNCTION hosting_exports_within_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    plan record;
BEGIN
    PERFORM FROM accounts_business WHERE id = NEW.business_id FOR NO KEY UPDATE;
    SELECT p.name, p.max_exports INTO plan
      FROM accounts_business b JOIN accounts_plan p ON p.code = b.plan_id WHERE b.id = NEW.business_id;
    IF plan.max_exports < (SELECT count(*) FROM (
            SELECT FROM hosting_chatexport e
             WHERE e.business_id = NEW.business_id AND e.state <> 'failed'
               AND e.created_at >= date_trunc('month', NEW.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
             LIMIT plan.max_exports + 1) x) THEN
        RAISE EXCEPTION 'The % plan has % exports a month, and all are used.', plan.name, plan.max_exports
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exports_within_plan';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER exports_within_plan AFTER INSERT ON hosting_chatexport
    FOR EACH ROW EXECUTE FUNCTION hosting_exports_within_plan();
