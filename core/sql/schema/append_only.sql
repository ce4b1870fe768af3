-- Promises: a table with this trigger keeps every row as it was written: no role, the owner
-- included, can change, delete or truncate one. One exception: accounts_redact_audit may replace a
-- text of the audit log by the mark `[erased]`, and nothing else.
CREATE FUNCTION accounts_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'accounts_auditentry'
       AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
       AND current_setting('parley.redacting', true) = 'on' THEN
        IF NEW.subject IN (OLD.subject, '[erased]')
           AND NEW.before IN (OLD.before, '{"erased": true}') AND NEW.after IN (OLD.after, '{"erased": true}')
           AND (to_jsonb(NEW) - 'subject' - 'before' - 'after') = (to_jsonb(OLD) - 'subject' - 'before' - 'after') THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
