-- Promises: the words of a message also say when it was said: #t the day (counted from 1 January 2000, UTC), #w the
-- stretch of 32 days that it lies in. So the newest hits of a word are found without reading all the older ones.
ALTER TABLE hosting_message DROP COLUMN search;
DROP FUNCTION hosting_search_vector(bigint, bigint, bigint, text, text, text);

CREATE FUNCTION hosting_search_day(at timestamptz) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT (at AT TIME ZONE 'UTC')::date - date '2000-01-01'
$$;

CREATE FUNCTION hosting_search_vector(
    business_id bigint, number_id bigint, contact_id bigint, direction text, kind text, said text, at timestamptz
) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT to_tsvector('pg_catalog.simple'::regconfig,
                       public.hosting_search_tokens(said) || public.hosting_search_phones(said))
           || array_to_tsvector(ARRAY['#b' || business_id, '#n' || number_id, '#c' || contact_id, '#d' || direction,
                                      '#k' || left(kind, 40), '#t' || public.hosting_search_day(at),
                                      '#w' || (public.hosting_search_day(at) >> 5)])
$$;

ALTER TABLE hosting_message ADD COLUMN search tsvector GENERATED ALWAYS AS
    (hosting_search_vector(business_id, number_id, contact_id, direction, kind, text, created_at)) STORED;
CREATE INDEX message_search ON hosting_message USING gin (search) WITH (gin_pending_list_limit = 512);
-- Both ways of searching are fixed: statistics of words would only make planning slower.
ALTER TABLE hosting_message ALTER COLUMN search SET STATISTICS 0;
