-- Promises: listeners of `parley_deliveries` are notified when a transaction commits that added
-- deliveries to the queue; a statement that added none notifies nobody.
CREATE FUNCTION billing_notify_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows) THEN
        PERFORM pg_notify('parley_deliveries', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER notify_deliveries AFTER INSERT ON hosting_delivery
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION billing_notify_deliveries();
