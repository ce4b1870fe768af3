-- Promises: the live API key with this prefix and SHA-256, at most one row, with the numbers it is
-- limited to (NULL: all of them), and this transaction scoped to its business. SECURITY DEFINER: a
-- key is looked up before its tenant is known, so row-level security cannot apply yet.
CREATE FUNCTION accounts_open_key(wanted_prefix text, wanted_digest bytea)
RETURNS TABLE (key_id bigint, business_id bigint, scopes text[], number_ids bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    used_at timestamptz;
BEGIN
    SELECT k.id, k.business_id, k.scopes::text[], k.number_ids, k.last_used_at
      INTO key_id, business_id, scopes, number_ids, used_at
      FROM accounts_apikey k
     WHERE k.prefix = wanted_prefix AND k.digest = wanted_digest
       AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM core_open(business_id);
    -- Told to the minute: a busy key must not write a row for every request, nor one request wait for another.
    IF used_at IS NULL OR used_at < now() - interval '1 minute' THEN
        UPDATE accounts_apikey k SET last_used_at = now()
         WHERE k.id = (SELECT id FROM accounts_apikey x WHERE x.id = key_id FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN NEXT;
END $$;
REVOKE ALL ON FUNCTION accounts_open_key(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts_open_key(text, bytea) TO parley_app, parley_across, parley_system;
