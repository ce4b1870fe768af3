-- Promises: the lexemes of day (#t) and stretch of 32 days (#w) name the business as well: #t17.9801, #w17.306. So the
-- messages of one business in a stretch are a short list of their own, and a word is looked up in it by skipping from
-- one list to the other; the lexeme #b, whose list was all messages of a business, is gone.
CREATE OR REPLACE FUNCTION hosting_search_vector(
    business_id bigint, number_id bigint, contact_id bigint, direction text, kind text, said text, at timestamptz
) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT to_tsvector('pg_catalog.simple'::regconfig,
                       public.hosting_search_tokens(said) || public.hosting_search_phones(said))
           || array_to_tsvector(ARRAY['#n' || number_id, '#c' || contact_id, '#d' || direction, '#k' || left(kind, 40),
                                      '#t' || business_id || '.' || public.hosting_search_day(at),
                                      '#w' || business_id || '.' || (public.hosting_search_day(at) >> 5)])
$$;
-- Computed anew for every row: one rewrite of the table.
ALTER TABLE hosting_message ALTER COLUMN search SET EXPRESSION AS
    (hosting_search_vector(business_id, number_id, contact_id, direction, kind, text, created_at));
