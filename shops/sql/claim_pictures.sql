-- Promises: up to %(limit)s pictures whose time has come belong to this worker alone until the lease ends; the attempt
-- counts before anything is tried. Output: picture, business, address, attempt.
UPDATE shops_picture SET attempts = attempts + 1, not_before = statement_timestamp() + make_interval(secs => %(lease)s)
 WHERE id = ANY (ARRAY(
        SELECT id FROM shops_picture
         WHERE media_id IS NULL AND attempts < %(most)s AND not_before <= statement_timestamp()
         ORDER BY not_before LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
RETURNING id, business_id, source_url, attempts
