-- Promises: every tier lies between its version's floor and ceiling, and a version that is not a
-- draft can no longer be edited: neither its dates backwards, nor its bounds and rules, nor its
-- rates and tiers. A version begins with the bounds of its card; what the card says later is for
-- later versions.
CREATE FUNCTION billing_version_takes_bounds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT coalesce(NEW.floor_micros, c.floor_micros), coalesce(NEW.ceiling_micros, c.ceiling_micros)
      INTO NEW.floor_micros, NEW.ceiling_micros
      FROM billing_ratecard c WHERE c.id = NEW.card_id;
    RETURN NEW;
END $$;
CREATE TRIGGER takes_bounds BEFORE INSERT ON billing_cardversion
    FOR EACH ROW EXECUTE FUNCTION billing_version_takes_bounds();

CREATE FUNCTION billing_tier_within_bounds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bounds record;
BEGIN
    SELECT v.floor_micros, v.ceiling_micros INTO bounds
      FROM billing_rate r JOIN billing_cardversion v ON v.id = r.version_id
     WHERE r.id = NEW.rate_id;
    IF NEW.price_micros NOT BETWEEN bounds.floor_micros AND bounds.ceiling_micros THEN
        RAISE EXCEPTION 'tier price % is outside the card''s floor % and ceiling % (micros)',
            NEW.price_micros, bounds.floor_micros, bounds.ceiling_micros
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tier_within_card';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER within_bounds BEFORE INSERT OR UPDATE ON billing_tier
    FOR EACH ROW EXECUTE FUNCTION billing_tier_within_bounds();

CREATE FUNCTION billing_version_keeps_tiers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM billing_tier t JOIN billing_rate r ON r.id = t.rate_id
                WHERE r.version_id = NEW.id
                  AND t.price_micros NOT BETWEEN NEW.floor_micros AND NEW.ceiling_micros) THEN
        RAISE EXCEPTION 'a tier of this version lies outside the new floor and ceiling'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tier_within_card';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keeps_tiers BEFORE UPDATE OF floor_micros, ceiling_micros ON billing_cardversion
    FOR EACH ROW EXECUTE FUNCTION billing_version_keeps_tiers();

CREATE FUNCTION billing_rate_is_draft() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found_state text;
BEGIN
    IF TG_TABLE_NAME = 'billing_rate' THEN
        SELECT state INTO found_state FROM billing_cardversion
         WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.version_id ELSE NEW.version_id END;
    ELSE
        SELECT v.state INTO found_state FROM billing_rate r JOIN billing_cardversion v ON v.id = r.version_id
         WHERE r.id = CASE WHEN TG_OP = 'DELETE' THEN OLD.rate_id ELSE NEW.rate_id END;
    END IF;
    IF found_state <> 'draft' THEN
        RAISE EXCEPTION 'a scheduled rate card version cannot be edited: make a new draft'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER is_draft BEFORE INSERT OR UPDATE OR DELETE ON billing_rate
    FOR EACH ROW EXECUTE FUNCTION billing_rate_is_draft();
CREATE TRIGGER is_draft BEFORE INSERT OR UPDATE OR DELETE ON billing_tier
    FOR EACH ROW EXECUTE FUNCTION billing_rate_is_draft();

CREATE FUNCTION billing_version_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'draft' THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    -- The end may be set when a successor is scheduled; nothing else may change.
    IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - 'valid_to') IS DISTINCT FROM (to_jsonb(OLD) - 'valid_to') THEN
        RAISE EXCEPTION 'a scheduled rate card version cannot be edited: make a new draft'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER is_fixed BEFORE UPDATE OR DELETE ON billing_cardversion
    FOR EACH ROW EXECUTE FUNCTION billing_version_is_fixed();
