-- Promises: no counted stock changes without a row that says by how much and why. Who changes it
-- says so before, in this transaction's settings `parley.stock_reason`, `parley.stock_order` and
-- `parley.stock_author`.
CREATE FUNCTION shops_note_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shops_stockmove (business_id, product_id, change, stock, reason, order_id, author_id, created_at)
    SELECT n.business_id, n.id, coalesce(n.stock, 0) - coalesce(o.stock, 0), n.stock,
           coalesce(current_setting('parley.stock_reason', true), ''),
           nullif(current_setting('parley.stock_order', true), '')::bigint,
           nullif(current_setting('parley.stock_author', true), '')::bigint, now()
      FROM new_rows n LEFT JOIN old_rows o ON o.id = n.id
     WHERE n.stock IS DISTINCT FROM o.stock
     ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE FUNCTION shops_note_first_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shops_stockmove (business_id, product_id, change, stock, reason, author_id, created_at)
    SELECT business_id, id, stock, stock, coalesce(current_setting('parley.stock_reason', true), ''),
           nullif(current_setting('parley.stock_author', true), '')::bigint, now()
      FROM new_rows WHERE stock IS NOT NULL ORDER BY id;
    RETURN NULL;
END $$;
CREATE TRIGGER note_stock AFTER UPDATE ON shops_product
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION shops_note_stock();
CREATE TRIGGER note_first_stock AFTER INSERT ON shops_product
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION shops_note_first_stock();
