-- Promises: every table that names a business, and the businesses themselves, are closed:
-- `parley_app` sees and writes only rows of the business that the transaction's setting
-- `parley.business` names, `parley_system` those of all. Tables that are closed already are left
-- alone, so that every migration that makes tables can run this file again.
DO $$
DECLARE
    tenant record;
BEGIN
    FOR tenant IN
        SELECT c.oid::regclass AS name, a.attname AS business
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
                             AND a.attname = CASE c.relname WHEN 'accounts_business' THEN 'id' ELSE 'business_id' END
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity
         ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant.name);
        EXECUTE format(
            'CREATE POLICY own ON %1$s TO parley_app USING (%2$s) WITH CHECK (%2$s)', tenant.name,
            format($own$%I = (SELECT nullif(current_setting('parley.business', true), '')::bigint)$own$, tenant.business)
        );
        EXECUTE format('CREATE POLICY everything ON %s TO parley_system USING (true) WITH CHECK (true)', tenant.name);
    END LOOP;
END $$;
