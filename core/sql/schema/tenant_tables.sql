-- Promises: every table that names a business is fit for many tenants, and stays so when this file is
-- run again by a later migration that makes tables:
-- * `parley_app` sees and writes only rows of the business that the transaction's mark names,
--   `parley_across` those of all while the mark says `all`, `parley_system` those of all (row-level
--   security; marks.sql);
-- * its primary key in the database is (business_id, id), which is the replica identity that logical
--   replication by business needs; `id`, the key that Django knows, stays unique by itself; an index
--   on business_id alone, which says nothing more, goes;
-- * a foreign key to another such table names the business on both sides, so that no row can point at
--   a row of another business.
-- A table in which business_id may be NULL keeps its key, and has all columns as replica identity.
DO $$
DECLARE
    tenant record;
    reference record;
    keys text := '';
BEGIN
    FOR tenant IN
        SELECT c.oid::regclass AS name, a.attname AS business, a.attnotnull OR c.relname = 'accounts_business' AS is_always
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
                             AND a.attname = CASE c.relname WHEN 'accounts_business' THEN 'id' ELSE 'business_id' END
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity
         ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant.name);
        EXECUTE format(
            'CREATE POLICY own ON %1$s TO parley_app USING (%2$s) WITH CHECK (%2$s)', tenant.name,
            format('%I = (SELECT core_business())', tenant.business)
        );
        EXECUTE format($across$CREATE POLICY marked ON %s TO parley_across
                       USING ((SELECT core_may('all'))) WITH CHECK ((SELECT core_may('all')))$across$, tenant.name);
        EXECUTE format('CREATE POLICY everything ON %s TO parley_system USING (true) WITH CHECK (true)', tenant.name);
        IF NOT tenant.is_always THEN
            EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', tenant.name);
        END IF;
    END LOOP;

    -- The old references go first, because they hold the old keys; the new ones come last.
    FOR reference IN
        SELECT f.conname, f.conrelid::regclass AS name, f.confrelid::regclass AS target, a.attname AS col,
               t.attname AS target_col,
               CASE f.confdeltype WHEN 'c' THEN 'ON DELETE CASCADE' WHEN 'r' THEN 'ON DELETE RESTRICT'
                    WHEN 'n' THEN format('ON DELETE SET NULL (%I)', a.attname) ELSE '' END AS on_delete,
               CASE WHEN f.condeferred THEN 'DEFERRABLE INITIALLY DEFERRED' ELSE '' END AS deferred
          FROM pg_constraint f
          JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
          JOIN pg_attribute t ON t.attrelid = f.confrelid AND t.attnum = f.confkey[1]
         WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace AND cardinality(f.conkey) = 1
           AND a.attname <> 'business_id'
           AND EXISTS (SELECT FROM pg_attribute b
                        WHERE b.attrelid = f.conrelid AND b.attname = 'business_id' AND b.attnotnull)
           AND EXISTS (SELECT FROM pg_attribute b
                        WHERE b.attrelid = f.confrelid AND b.attname = 'business_id' AND b.attnotnull)
         ORDER BY f.conrelid::regclass::text, f.conname
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', reference.name, reference.conname);
        keys := keys || format(
            'ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (business_id, %I) REFERENCES %s (business_id, %I) %s %s;',
            reference.name, reference.conname, reference.col, reference.target, reference.target_col,
            reference.on_delete, reference.deferred);
    END LOOP;

    FOR tenant IN
        SELECT p.conrelid::regclass AS name, p.conname, a.attname AS col
          FROM pg_constraint p
          JOIN pg_attribute a ON a.attrelid = p.conrelid AND a.attnum = p.conkey[1] AND a.attname <> 'business_id'
          JOIN pg_attribute b ON b.attrelid = p.conrelid AND b.attname = 'business_id' AND b.attnotnull
         WHERE p.contype = 'p' AND p.connamespace = 'public'::regnamespace AND cardinality(p.conkey) = 1
         ORDER BY p.conrelid::regclass::text
    LOOP
        EXECUTE format(
            'ALTER TABLE %1$s DROP CONSTRAINT %2$I, ADD CONSTRAINT %2$I PRIMARY KEY (business_id, %3$I), ADD UNIQUE (%3$I)',
            tenant.name, tenant.conname, tenant.col);
    END LOOP;
    EXECUTE keys;

    FOR tenant IN
        SELECT i.indexrelid::regclass AS index
          FROM pg_index i
          JOIN pg_attribute b ON b.attrelid = i.indrelid AND b.attname = 'business_id' AND b.attnotnull
          JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
         WHERE i.indkey::text = b.attnum::text AND NOT i.indisunique AND i.indpred IS NULL
         ORDER BY i.indexrelid::regclass::text
    LOOP
        EXECUTE format('DROP INDEX %s', tenant.index);
    END LOOP;
END $$;
