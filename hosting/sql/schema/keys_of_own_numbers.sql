-- Promises: a key is limited to numbers of its own business only. A number that is gone later stays
-- in the key's list, so that a key never comes to reach more than it did.
CREATE FUNCTION hosting_keys_of_own_numbers() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM unnest(NEW.number_ids) AS wanted (id)
                 LEFT JOIN hosting_number n ON n.id = wanted.id AND n.business_id = NEW.business_id
                WHERE n.id IS NULL) THEN
        RAISE EXCEPTION 'A key can be limited to numbers of its own business only.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'key_of_own_numbers';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER key_of_own_numbers BEFORE INSERT OR UPDATE OF number_ids, business_id ON accounts_apikey
    FOR EACH ROW WHEN (NEW.number_ids IS NOT NULL) EXECUTE FUNCTION hosting_keys_of_own_numbers();
