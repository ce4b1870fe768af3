-- Promises: a batch of this session that could not be priced waits for `delay` seconds, and nobody has
-- it meanwhile.
UPDATE billing_meterbatch
   SET leased_by = NULL, leased_until = NULL,
       not_before = statement_timestamp() + make_interval(secs => %(delay)s)
 WHERE id = %(id)s AND attempts = %(attempts)s AND leased_by = pg_backend_pid()
