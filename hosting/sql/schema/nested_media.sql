-- Promises: templates and interactive messages that have a file in a header or a card are found by
-- business without reading the others, of which there are many more.
CREATE FUNCTION hosting_has_nested_media(kind text, content jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT kind IN ('template', 'interactive')
       AND (content @? '$.**.image.id' OR content @? '$.**.video.id' OR content @? '$.**.document.id'
            OR content @? '$.**.audio.id' OR content @? '$.**.sticker.id')
$$;
CREATE INDEX message_nested_media ON hosting_message (business_id)
    WHERE hosting_has_nested_media(kind, content);
