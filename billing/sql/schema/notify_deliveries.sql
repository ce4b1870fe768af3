-- Promises: whoever listens to `parley_deliveries` hears of it when a transaction commits that put
-- something into the queue; nobody is told of a statement that put nothing there.
CREATE FUNCTION billing_tell_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM told) THEN
        PERFORM pg_notify('parley_deliveries', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_deliveries AFTER INSERT ON hosting_delivery
    REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION billing_tell_deliveries();
