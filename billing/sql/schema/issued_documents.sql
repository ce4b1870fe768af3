-- Promises: what was issued stays as it was issued. A draft may still change, its lines in their tax
-- alone, once each has its share of the rounded sum; an issued invoice only moves between statuses and
-- notes when it was paid, voided or written off; a void one is done with. Credits never exceed what is
-- left of a line.
CREATE FUNCTION billing_invoice_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'an invoice is never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = 'draft' THEN
        RETURN NEW;
    END IF;
    IF (to_jsonb(NEW) - '{status,paid_at,voided_at,written_off_at}'::text[])
           IS DISTINCT FROM (to_jsonb(OLD) - '{status,paid_at,voided_at,written_off_at}'::text[])
       OR NEW.status = 'draft' OR (OLD.status = 'void' AND NEW.status <> 'void') THEN
        RAISE EXCEPTION 'an issued invoice is final: % refused', TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER is_final BEFORE UPDATE OR DELETE ON billing_invoice
    FOR EACH ROW EXECUTE FUNCTION billing_invoice_is_final();
CREATE TRIGGER is_final_truncate BEFORE TRUNCATE ON billing_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

CREATE FUNCTION billing_line_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE'
       OR (to_jsonb(NEW) - '{amount_minor,tax_category,tax_percent}'::text[])
           IS DISTINCT FROM (to_jsonb(OLD) - '{amount_minor,tax_category,tax_percent}'::text[])
       OR NEW.amount_minor <> OLD.amount_minor AND OLD.amount_minor <> 0
       OR (SELECT i.status FROM billing_invoice i
            WHERE i.business_id = OLD.business_id AND i.id = OLD.invoice_id) <> 'draft' THEN
        RAISE EXCEPTION 'a line of an invoice is final: % refused', TG_OP
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER is_final BEFORE UPDATE OR DELETE ON billing_invoiceline
    FOR EACH ROW EXECUTE FUNCTION billing_line_is_final();

CREATE FUNCTION billing_credit_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    billed bigint;
    credited bigint;
BEGIN
    -- The lock makes two notes for one line wait for each other.
    SELECT amount_minor INTO STRICT billed FROM billing_invoiceline WHERE id = NEW.invoice_line_id FOR UPDATE;
    SELECT coalesce(sum(amount_minor), 0) + NEW.amount_minor INTO credited
      FROM billing_creditnoteline WHERE invoice_line_id = NEW.invoice_line_id;
    IF credited * sign(billed) > abs(billed) OR NEW.amount_minor * sign(billed) < 0 THEN
        RAISE EXCEPTION 'more credited than is left of line %', NEW.invoice_line_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_fits BEFORE INSERT ON billing_creditnoteline
    FOR EACH ROW WHEN (NEW.invoice_line_id IS NOT NULL) EXECUTE FUNCTION billing_credit_fits();
