-- Promises: in one round trip, who holds this key, what their plan allows, which numbers the key is
-- limited to (NULL: all), and their number of that id (NULLs when the business has none, or the key
-- does not reach it; where no id is asked for: the only number that the key reaches); no row for a
-- key that is unknown, revoked or expired. Scopes the transaction to the business.
CREATE FUNCTION hosting_authenticate(wanted_prefix text, wanted_digest bytea, wanted_number text)
RETURNS TABLE (
    key_id bigint, business_id bigint, scopes text[], number_ids bigint[],
    business_name text, clock_at timestamptz, suspended_at timestamptz, suspended_reason text,
    plan_name text, hosted_messages int, requests_per_second int,
    number_id bigint, account_id bigint, digits text, transport text, waba_id text,
    messages_per_second int, is_registered boolean, phone_number_id text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    opened record;
    only_number text := nullif(wanted_number, '');
BEGIN
    SELECT * INTO opened FROM accounts_open_key(wanted_prefix, wanted_digest);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF only_number IS NULL THEN
        SELECT max(x.phone_number_id) INTO only_number FROM hosting_number x
         WHERE x.business_id = opened.business_id AND (opened.number_ids IS NULL OR x.id = ANY (opened.number_ids))
        HAVING count(*) = 1;
    END IF;
    RETURN QUERY
    SELECT opened.key_id, b.id, opened.scopes, opened.number_ids,
           b.name::text, b.clock_at, b.suspended_at, b.suspended_reason::text,
           p.name::text, p.hosted_messages, p.requests_per_second,
           n.id, n.account_id, n.digits::text, n.transport::text, a.waba_id::text, n.messages_per_second,
           n.is_registered, n.phone_number_id::text
      FROM accounts_business b
      JOIN accounts_plan p ON p.code = b.plan_id
      LEFT JOIN hosting_number n ON n.business_id = b.id AND n.phone_number_id = only_number
                                AND (opened.number_ids IS NULL OR n.id = ANY (opened.number_ids))
      LEFT JOIN hosting_account a ON a.id = n.account_id
     WHERE b.id = opened.business_id;
END $$;
REVOKE ALL ON FUNCTION hosting_authenticate(text, bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_authenticate(text, bytea, text) TO parley_app, parley_across, parley_system;
