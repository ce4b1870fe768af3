-- Promises: after this, four roles exist, which own nothing, so that row-level security holds them:
-- * `parley_app`, the web's login, and the plain role of every process: rows of one business;
-- * `parley_across`, which the web takes for work across businesses: rows of all, while the mark in
--   the setting `parley.business` allows it (see marks.sql);
-- * `parley_system`, which workers take for the same, without a mark; the web's login cannot;
-- * `parley_worker`, the workers' login.
-- The first three may use every table that this owner makes, now and later.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['parley_app', 'parley_across', 'parley_system', 'parley_worker'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOINHERIT', name);
        END IF;
    END LOOP;
    -- Taken by SET LOCAL ROLE only: nobody inherits what they may do. Asked is SET, not MEMBER: who
    -- makes a role may administer it but not take it. With one login for all, that is this owner's.
    IF NOT pg_has_role('parley_app', 'parley_across', 'SET') THEN
        GRANT parley_across TO parley_app WITH INHERIT FALSE, SET TRUE;
    END IF;
    FOREACH name IN ARRAY ARRAY['parley_worker', current_user] LOOP
        IF NOT (pg_has_role(name, 'parley_app', 'SET') AND pg_has_role(name, 'parley_across', 'SET')
                AND pg_has_role(name, 'parley_system', 'SET')) THEN
            EXECUTE format('GRANT parley_app, parley_across, parley_system TO %I WITH INHERIT FALSE, SET TRUE', name);
        END IF;
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA public TO parley_app, parley_across, parley_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO parley_app, parley_across, parley_system;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO parley_app, parley_across, parley_system;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO parley_app, parley_across, parley_system;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO parley_app, parley_across, parley_system;
