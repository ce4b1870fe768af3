-- Promises: core_delete_with(child, column) makes the rows of a tenant table go with the row that this
-- column names, whichever way that is deleted: Django's own cascades only know what it deletes itself.
CREATE FUNCTION core_delete_with(child regclass, reference name) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    found record;
BEGIN
    SELECT f.conname, pg_get_constraintdef(f.oid) AS definition INTO STRICT found
      FROM pg_constraint f
      JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[2] AND a.attname = reference
     WHERE f.contype = 'f' AND f.conrelid = child AND cardinality(f.conkey) = 2;
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %3$s ON DELETE CASCADE', child, found.conname,
                   replace(found.definition, ' DEFERRABLE INITIALLY DEFERRED', ''));
END $$;
REVOKE ALL ON FUNCTION core_delete_with(regclass, name) FROM PUBLIC;
