-- Promises: in one round trip, who holds this key, what their plan allows, and their number of that id (NULLs when
-- the business has none; where no id is asked for: its only number); no row for a key that is unknown, revoked or
-- expired. Scopes the transaction to the business.
CREATE OR REPLACE FUNCTION hosting_enter_door(wanted_prefix text, wanted_digest bytea, wanted_number text)
RETURNS TABLE (
    key_id bigint, business_id bigint, scopes text[],
    business_name text, clock_at timestamptz, suspended_at timestamptz, suspended_reason text,
    plan_name text, hosted_messages int, requests_per_second int,
    number_id bigint, account_id bigint, digits text, transport text, waba_id text,
    messages_per_second int, is_registered boolean, phone_number_id text
)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT k.key_id, k.business_id, k.scopes, b.name, b.clock_at, b.suspended_at, b.suspended_reason,
           p.name, p.hosted_messages, p.requests_per_second,
           n.id, n.account_id, n.digits, n.transport, a.waba_id, n.messages_per_second, n.is_registered,
           n.phone_number_id
      FROM accounts_open_key(wanted_prefix, wanted_digest) k
      JOIN accounts_business b ON b.id = k.business_id
      JOIN accounts_plan p ON p.code = b.plan_id
      LEFT JOIN hosting_number n
        ON n.business_id = k.business_id
       AND n.phone_number_id = CASE WHEN wanted_number <> '' THEN wanted_number
                                    ELSE (SELECT max(x.phone_number_id) FROM hosting_number x
                                           WHERE x.business_id = k.business_id HAVING count(*) = 1) END
      LEFT JOIN hosting_account a ON a.id = n.account_id
$$;
REVOKE ALL ON FUNCTION hosting_enter_door(text, bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_enter_door(text, bytea, text) TO parley_app, parley_system;
