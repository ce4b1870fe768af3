-- Promises: a business never has more members and open invitations than its plan's seats, and never
-- loses its last owner, whatever runs at once: whoever changes the members of a business holds its
-- row until commit.
CREATE FUNCTION accounts_seats_within_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    allowed int;
    plan_name text;
    taken int;
BEGIN
    PERFORM FROM accounts_business WHERE id = NEW.business_id FOR NO KEY UPDATE;
    SELECT p.max_seats, p.name INTO allowed, plan_name
      FROM accounts_business b JOIN accounts_plan p ON p.code = b.plan_id WHERE b.id = NEW.business_id;
    IF allowed IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT (SELECT count(*) FROM accounts_membership m WHERE m.business_id = NEW.business_id)
         + (SELECT count(*) FROM accounts_invitation i
             WHERE i.business_id = NEW.business_id AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL
               AND i.expires_at > now())
      INTO taken;
    IF taken > allowed THEN
        RAISE EXCEPTION 'The % plan has % seats, and all are taken.', plan_name, allowed
            USING ERRCODE = 'check_violation', CONSTRAINT = 'seats_within_plan';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seats_within_plan AFTER INSERT ON accounts_membership
    FOR EACH ROW EXECUTE FUNCTION accounts_seats_within_plan();
CREATE TRIGGER seats_within_plan AFTER INSERT ON accounts_invitation
    FOR EACH ROW EXECUTE FUNCTION accounts_seats_within_plan();

CREATE FUNCTION accounts_keep_an_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.role <> 'owner' THEN
        RETURN NULL;
    END IF;
    PERFORM FROM accounts_business WHERE id = OLD.business_id FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM accounts_membership m WHERE m.business_id = OLD.business_id AND m.role = 'owner') THEN
        RAISE EXCEPTION 'The last owner of a business cannot leave or change role: make another member owner first.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'keep_an_owner';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_an_owner AFTER DELETE OR UPDATE OF role, business_id ON accounts_membership
    FOR EACH ROW EXECUTE FUNCTION accounts_keep_an_owner();
