-- Promises: users and sessions are found before a business is known, one at a time, by something that
-- only its owner has: a session by its key, a user by an id that the application has signed (marks of
-- core; "user 7"). In a business's scope, its members are seen, and who did something that its audit
-- log has. Nothing else of logins is open to `parley_app` (core/sql/close_tables.sql).
CREATE FUNCTION accounts_open_session(wanted_key text) RETURNS SETOF django_session
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT * FROM django_session WHERE session_key = wanted_key AND expire_date > statement_timestamp()
$$;
REVOKE ALL ON FUNCTION accounts_open_session(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts_open_session(text) TO parley_app, parley_across, parley_system;

CREATE FUNCTION accounts_open_user(wanted_id bigint, signature text) RETURNS SETOF accounts_user
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT u.* FROM accounts_user u
     WHERE u.id = wanted_id
       AND EXISTS (SELECT FROM core_signature('user ' || wanted_id) s WHERE s = signature)
$$;
REVOKE ALL ON FUNCTION accounts_open_user(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts_open_user(bigint, text) TO parley_app, parley_across, parley_system;

CREATE POLICY known ON accounts_user FOR SELECT TO parley_app USING (
    EXISTS (SELECT FROM accounts_membership m WHERE m.user_id = accounts_user.id)
    OR EXISTS (SELECT FROM accounts_auditentry a WHERE a.actor_id = accounts_user.id)
);
