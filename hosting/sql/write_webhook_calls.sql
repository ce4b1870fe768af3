-- Promises: one open call for each element of the parallel arrays, in their order. Times are the database's.
INSERT INTO hosting_webhookcall
    (public_id, business_id, webhook_id, conversation_id, field, body, state, tries, not_before, deadline,
     created_at, response_body, last_error)
SELECT gen_random_uuid(), business_id, webhook_id, conversation_id, field, body, 'open', 0, statement_timestamp(),
       statement_timestamp() + make_interval(secs => %(kept)s), statement_timestamp(), '', ''
  FROM unnest(%(business_ids)s::bigint[], %(webhook_ids)s::bigint[], %(conversation_ids)s::bigint[], %(fields)s::text[],
              %(bodies)s::bytea[])
       WITH ORDINALITY AS u (business_id, webhook_id, conversation_id, field, body, n)
 ORDER BY n
