-- Promises: the words of a product are always those of its title, brand, category, id and options,
-- split wherever there is neither letter nor digit.
ALTER TABLE shops_product ADD COLUMN words tsvector GENERATED ALWAYS AS (
    to_tsvector('simple'::regconfig, regexp_replace(
        lower(title || ' ' || brand || ' ' || category || ' ' || retailer_id || ' ' || item_group || ' ' || options::text),
        '[^[:alnum:]]+', ' ', 'g'))
) STORED;
CREATE INDEX product_words ON shops_product USING gin (words);
