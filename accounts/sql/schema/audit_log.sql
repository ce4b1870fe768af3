-- Promises: the audit log is append-only, but for one thing: entries of a business that hold one of
-- `anywhere` in subject, before or after, or one of `names` in an entry about a contact, say
-- `[erased]` instead. Only this function can do it, and it can write nothing else: the trigger lets
-- the owner change a text into that mark alone.
CREATE FUNCTION accounts_audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
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
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_final();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

CREATE FUNCTION accounts_redact_audit(of_business bigint, anywhere text[], names text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changed bigint;
BEGIN
    IF NOT (core_may('all') OR pg_has_role(session_user, 'parley_system', 'SET')) THEN
        RAISE EXCEPTION 'the audit log is redacted by work across businesses only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM set_config('parley.redacting', 'on', true);
    WITH held AS (
        SELECT a.id,
               EXISTS (SELECT FROM unnest(w.words) n WHERE position(n IN a.subject) > 0) AS in_subject,
               EXISTS (SELECT FROM unnest(w.words) n WHERE position(n IN a.before::text) > 0) AS in_before,
               EXISTS (SELECT FROM unnest(w.words) n WHERE position(n IN a.after::text) > 0) AS in_after
          FROM accounts_auditentry a,
               LATERAL (SELECT CASE WHEN a.action LIKE 'contact.%' THEN anywhere || names ELSE anywhere END AS words) w
         WHERE a.business_id = of_business
    )
    UPDATE accounts_auditentry a
       SET subject = CASE WHEN h.in_subject THEN '[erased]' ELSE a.subject END,
           before = CASE WHEN h.in_before THEN '{"erased": true}' ELSE a.before END,
           after = CASE WHEN h.in_after THEN '{"erased": true}' ELSE a.after END
      FROM held h
     WHERE h.id = a.id AND (h.in_subject OR h.in_before OR h.in_after);
    GET DIAGNOSTICS changed = ROW_COUNT;
    PERFORM set_config('parley.redacting', 'off', true);
    RETURN changed;
END $$;
REVOKE ALL ON FUNCTION accounts_redact_audit(bigint, text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts_redact_audit(bigint, text[], text[]) TO parley_across, parley_system;
