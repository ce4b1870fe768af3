-- Promises: what the setting `parley.business` says counts only with its signature, an HMAC-SHA256
-- that the application makes with a key of which no role that it takes can read anything here. So a
-- statement that somebody managed to change can set the setting, but to no other business.
-- A mark is `<subject>:<signature in hexadecimal>`; the subject is the id of a business, `login` (for
-- logins and sessions) or `all`.
CREATE TABLE core_scopekey (
    -- The key, combined with the two pads of HMAC (RFC 2104).
    inner_pad bytea NOT NULL,
    outer_pad bytea PRIMARY KEY,
    made_at timestamptz NOT NULL DEFAULT now()
);
REVOKE ALL ON core_scopekey FROM PUBLIC, parley_app, parley_across, parley_system;

CREATE FUNCTION core_signature(subject text) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(subject, 'UTF8'))), 'hex')
      FROM core_scopekey k ORDER BY k.made_at DESC
$$;
REVOKE ALL ON FUNCTION core_signature(text) FROM PUBLIC;

-- The business that this transaction's mark names; NULL without a good one.
CREATE FUNCTION core_business() RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    mark text := current_setting('parley.business', true);
    subject text := split_part(mark, ':', 1);
BEGIN
    IF subject ~ '^[0-9]{1,18}$'
       AND EXISTS (SELECT FROM core_signature(subject) s WHERE s = split_part(mark, ':', 2)) THEN
        RETURN subject::bigint;
    END IF;
    RETURN NULL;
END $$;

-- Whether this transaction's mark is for `all`, or for `wanted`.
CREATE FUNCTION core_may(wanted text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    mark text := current_setting('parley.business', true);
    subject text := split_part(mark, ':', 1);
BEGIN
    RETURN coalesce(subject IN ('all', wanted), false)
           AND EXISTS (SELECT FROM core_signature(subject) s WHERE s = split_part(mark, ':', 2));
END $$;

-- Scopes this transaction to a business; for functions that know by a key whose it is.
CREATE FUNCTION core_open(business_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('parley.business', business_id || ':' || (SELECT s FROM core_signature(business_id::text) s LIMIT 1), true);
END $$;
REVOKE ALL ON FUNCTION core_open(bigint) FROM PUBLIC;
