-- Promises: after this, the plain role parley_app (what the application connects as) and the role
-- parley_system (what work across businesses takes for one transaction) exist and may use every
-- table that this owner makes, now and later; neither owns anything, so row-level security holds
-- both.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'parley_app') THEN
        CREATE ROLE parley_app NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'parley_system') THEN
        CREATE ROLE parley_system NOINHERIT;
    END IF;
    -- Taken only by SET LOCAL ROLE: parley_app is NOINHERIT, so membership alone opens nothing.
    IF NOT pg_has_role('parley_app', 'parley_system', 'MEMBER') THEN
        GRANT parley_system TO parley_app;
    END IF;
    -- With one login for all, the application takes the plain role when it connects. Who makes a role
    -- may administer it but not take it: asked is SET, not MEMBER.
    IF NOT pg_has_role(current_user, 'parley_app', 'SET') THEN
        EXECUTE format('GRANT parley_app, parley_system TO %I WITH INHERIT FALSE, SET TRUE', current_user);
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO parley_app, parley_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO parley_app, parley_system;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO parley_app, parley_system;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO parley_app, parley_system;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO parley_app, parley_system;
