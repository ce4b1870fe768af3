-- Promises: the audit log is append-only, but for one thing: entries of a business that hold one of
-- `anywhere` in subject, before or after, or one of `names` in an entry about a contact, say
-- `[erased]` instead. Only this function can do it, and it can write nothing else: the trigger lets
-- the owner change a text into that mark alone.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_append_only();

CREATE FUNCTION accounts_redact_audit(of_business bigint, anywhere text[], names text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changed bigint;
BEGIN
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
GRANT EXECUTE ON FUNCTION accounts_redact_audit(bigint, text[], text[]) TO parley_system;
