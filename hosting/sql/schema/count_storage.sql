-- Promises: hosting_storage says how many bytes of files each business keeps that can be read, and
-- no upload goes over its plan, whatever runs at once: whoever adds a file holds the business's row
-- until commit. What is deleted, or locked, does not count; a business over its plan (after a change
-- of plan) may still delete.
CREATE FUNCTION hosting_count_storage() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ids bigint[];
    sizes bigint[];
    delta record;
    used bigint;
    plan record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(business_id), array_agg(size) INTO ids, sizes
          FROM new_rows WHERE is_ready AND deleted_at IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(business_id), array_agg(-size) INTO ids, sizes
          FROM old_rows WHERE is_ready AND deleted_at IS NULL;
    ELSE
        SELECT array_agg(business_id), array_agg(size) INTO ids, sizes
          FROM (SELECT business_id, size FROM new_rows WHERE is_ready AND deleted_at IS NULL
                 UNION ALL
                SELECT business_id, -size FROM old_rows WHERE is_ready AND deleted_at IS NULL) x;
    END IF;
    FOR delta IN
        SELECT business_id, sum(size)::bigint AS bytes FROM unnest(ids, sizes) AS u (business_id, size)
         GROUP BY business_id HAVING sum(size) <> 0 ORDER BY business_id
    LOOP
        IF delta.bytes < 0 THEN
            UPDATE hosting_storage SET bytes = bytes + delta.bytes WHERE business_id = delta.business_id;
            CONTINUE;
        END IF;
        INSERT INTO hosting_storage (business_id, bytes) VALUES (delta.business_id, delta.bytes)
            ON CONFLICT (business_id) DO UPDATE SET bytes = hosting_storage.bytes + excluded.bytes
            RETURNING bytes INTO used;
        SELECT p.name, p.media_megabytes INTO plan
          FROM accounts_business b JOIN accounts_plan p ON p.code = b.plan_id WHERE b.id = delta.business_id;
        IF used > plan.media_megabytes * 1000000::bigint THEN
            RAISE EXCEPTION 'The % plan keeps % MB of media, and that is used.', plan.name, plan.media_megabytes
                USING ERRCODE = 'check_violation', CONSTRAINT = 'storage_within_plan';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER count_storage_in AFTER INSERT ON hosting_media REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION hosting_count_storage();
CREATE TRIGGER count_storage_out AFTER DELETE ON hosting_media REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION hosting_count_storage();
CREATE TRIGGER count_storage_of AFTER UPDATE ON hosting_media REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION hosting_count_storage();
