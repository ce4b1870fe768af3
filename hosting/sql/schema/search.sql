-- Promises: every message carries its words and filters as a stored tsvector. The column is the
-- database's own: no model reads it, nobody has to remember to write it. The functions give the
-- same for equal input for ever: `hosting_search_tokens` gives the words of a text in reading
-- order, in any language: lower case, accents off, compatibility forms made equal, and where a
-- script has no spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) each pair of neighbouring
-- characters, the last one alone. `hosting_search_phones` gives the phone numbers that are written
-- with gaps, without them. `hosting_search_day` gives the day, counted from 1 January 2000, UTC.
-- `hosting_search_vector` holds the words and numbers, and lexemes that no text can hold, because
-- their sign is no letter: #n the number, #c the contact, #d the direction, #k the kind, #t the
-- business and the day (#t17.9801), #w the business and the stretch of 32 days (#w17.306). So each
-- filter is a key of the one index, the messages of one business in a stretch are a short list of
-- their own, and a word is looked up in it by skipping from one list to the other; the newest hits
-- of a word are found without reading all the older ones.
CREATE FUNCTION hosting_search_tokens(said text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    t text := left(said, 20000);
    unspaced constant text := '\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff'
                              '\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff';
BEGIN
    IF octet_length(t) = char_length(t) THEN
        RETURN regexp_replace(lower(t COLLATE "pg_c_utf8"), '[^a-z0-9]+', ' ', 'g');
    END IF;
    t := lower(normalize(regexp_replace(normalize(t, NFKD), '[\u0300-\u036f]', '', 'g'), NFKC) COLLATE "pg_c_utf8");
    IF t ~ ('[' || unspaced || ']') THEN
        SELECT string_agg(
                   coalesce(m[2], (SELECT string_agg(substr(m[1], i, 2), ' ' ORDER BY i)
                                     FROM generate_series(1, char_length(m[1])) i)), ' ' ORDER BY n)
          INTO t
          FROM regexp_matches(t, '([' || unspaced || ']+)|([^' || unspaced || ']+)', 'g') WITH ORDINALITY AS f (m, n);
    END IF;
    RETURN regexp_replace(t COLLATE "pg_c_utf8", '[^[:alnum:]' || unspaced || ']+', ' ', 'g');
END $$;

CREATE FUNCTION hosting_search_phones(said text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    found text;
BEGIN
    IF said !~ '[0-9][ ()./-]+[0-9]' THEN
        RETURN '';
    END IF;
    SELECT string_agg(' ' || digits, '') INTO found
      FROM (SELECT regexp_replace(m[1], '[^0-9]+', '', 'g') AS digits
              FROM regexp_matches(left(said, 20000), '([0-9][0-9 ()./-]{5,}[0-9])', 'g') AS m) f
     WHERE length(digits) BETWEEN 7 AND 15;
    RETURN coalesce(found, '');
END $$;

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
           || array_to_tsvector(ARRAY['#n' || number_id, '#c' || contact_id, '#d' || direction, '#k' || left(kind, 40),
                                      '#t' || business_id || '.' || public.hosting_search_day(at),
                                      '#w' || business_id || '.' || (public.hosting_search_day(at) >> 5)])
$$;

ALTER TABLE hosting_message ADD COLUMN search tsvector GENERATED ALWAYS AS
    (hosting_search_vector(business_id, number_id, contact_id, direction, kind, text, created_at)) STORED;
-- The waiting list of the index is read by every search: kept short, so that no search pays for a
-- burst of messages.
CREATE INDEX message_search ON hosting_message USING gin (search) WITH (gin_pending_list_limit = 512);
-- Both ways of searching are fixed: statistics of words would only make planning slower.
ALTER TABLE hosting_message ALTER COLUMN search SET STATISTICS 0;
