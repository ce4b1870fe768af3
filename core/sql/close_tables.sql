-- Promises: tables that name no business, those of other packages too, are closed to `parley_app`, unless they
-- are the same for everybody: these it may read. `parley_across` sees the tables of logins while the mark says
-- `login` or `all`, the others while it says `all`; `parley_system` sees everything. Runs after every migrate: a
-- table of another package is closed until it is named here, one of our own (tests/test_tenant_keys.py lists those
-- that are no business's) is open to readers until it is named here.
DO $$
DECLARE
    found record;
    name text;
BEGIN
    FOR found IN
        SELECT c.relname FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity
           AND c.relname <> 'core_scopekey'
         ORDER BY c.relname
    LOOP
        name := found.relname;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY everything ON %I TO parley_system USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY marked ON %1$I TO parley_across USING ((SELECT core_may(%2$L))) WITH CHECK ((SELECT core_may(%2$L)))',
                       name, CASE WHEN name ~ '^(accounts_user|account_|mfa_|usersessions_|django_session|axes_|auth_|django_admin_log)'
                                  THEN 'login' ELSE 'all' END);
        IF name = 'hosting_event' THEN
            -- Webhooks arrive before anybody knows whose they are, and are read by workers only.
            EXECUTE format('CREATE POLICY arrives ON %I FOR INSERT TO parley_app WITH CHECK (true)', name);
        ELSIF name ~ '^(core|accounts|hosting|billing|shops|demo)_' AND name !~ '^(accounts_user|hosting_parkedstatus|billing_(gatewayevent|numberseries|recount))'
           OR name IN ('django_content_type', 'django_migrations', 'auth_permission', 'auth_group', 'auth_group_permissions') THEN
            EXECUTE format('CREATE POLICY open ON %I FOR SELECT TO parley_app, parley_across USING (true)', name);
        END IF;
    END LOOP;
END $$;
