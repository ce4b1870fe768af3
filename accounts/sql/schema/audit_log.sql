-- Promises: the audit log is append-only, for everybody. Entries name customers by id alone, so that
-- erasing one has nothing to change here.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION core_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
