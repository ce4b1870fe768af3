-- Promises: no invoice is paid and credited beyond its total, no receipt pays and sends back more
-- than arrived, no payment sends back more than it paid, no balance pays more than was credited;
-- money goes back the way it came.
-- Each check locks the row that it is about, so that two transactions wait for each other.
CREATE FUNCTION billing_invoice_is_not_overpaid(of_business bigint, of_invoice bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    total bigint;
    settled bigint;
BEGIN
    SELECT total_minor INTO STRICT total FROM billing_invoice
     WHERE business_id = of_business AND id = of_invoice FOR UPDATE;
    SELECT coalesce((SELECT sum(p.allocated_minor) FROM billing_payment p
                      WHERE p.invoice_id = of_invoice AND p.status = 'succeeded'), 0)
         + coalesce((SELECT sum(n.reduces_minor) FROM billing_creditnote n
                      WHERE n.invoice_id = of_invoice), 0)
      INTO settled;
    IF settled > total THEN
        RAISE EXCEPTION 'more than the invoice''s total is paid and credited: % of %', settled, total
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocated_within_due';
    END IF;
END $$;

CREATE FUNCTION billing_receipt_is_not_overdrawn(of_business bigint, of_receipt bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    arrived bigint;
    used bigint;
BEGIN
    SELECT amount_minor INTO STRICT arrived FROM billing_cashreceipt
     WHERE business_id = of_business AND id = of_receipt FOR UPDATE;
    SELECT coalesce((SELECT sum(p.allocated_minor) FROM billing_payment p
                      WHERE p.receipt_id = of_receipt AND p.status = 'succeeded'), 0)
         + coalesce((SELECT sum(r.amount_minor) FROM billing_refund r
                      WHERE r.receipt_id = of_receipt
                        AND r.status NOT IN ('failed', 'cancelled')), 0)
      INTO used;
    IF used > arrived THEN
        RAISE EXCEPTION 'more is allocated than arrived: % of %', used, arrived
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocated_within_receipt';
    END IF;
END $$;

CREATE FUNCTION billing_balance_is_not_overdrawn(of_business bigint, in_currency text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kept bigint;
    used bigint;
BEGIN
    PERFORM FROM accounts_business WHERE id = of_business FOR NO KEY UPDATE;
    SELECT coalesce(sum(n.total_minor - n.reduces_minor), 0) INTO kept FROM billing_creditnote n
     WHERE n.business_id = of_business AND n.currency = in_currency AND n.use = 'balance';
    SELECT coalesce((SELECT sum(p.allocated_minor) FROM billing_payment p
                      WHERE p.business_id = of_business AND p.currency = in_currency
                        AND p.method = 'balance' AND p.status = 'succeeded'), 0)
         + coalesce((SELECT sum(r.amount_minor) FROM billing_refund r
                      WHERE r.business_id = of_business AND r.currency = in_currency
                        AND r.payment_id IS NULL AND r.receipt_id IS NULL
                        AND r.status NOT IN ('failed', 'cancelled')), 0)
      INTO used;
    IF used > kept THEN
        RAISE EXCEPTION 'more than the customer''s balance is used: % of %', used, kept
            USING ERRCODE = 'check_violation', CONSTRAINT = 'used_within_balance';
    END IF;
END $$;

CREATE FUNCTION billing_payment_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM billing_invoice_is_not_overpaid(NEW.business_id, NEW.invoice_id);
    IF NEW.receipt_id IS NOT NULL THEN
        PERFORM billing_receipt_is_not_overdrawn(NEW.business_id, NEW.receipt_id);
    ELSE
        PERFORM billing_balance_is_not_overdrawn(NEW.business_id, NEW.currency);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payment_fits AFTER INSERT OR UPDATE ON billing_payment
    FOR EACH ROW WHEN (NEW.allocated_minor > 0) EXECUTE FUNCTION billing_payment_fits();

CREATE FUNCTION billing_credit_note_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM billing_invoice_is_not_overpaid(NEW.business_id, NEW.invoice_id);
    RETURN NULL;
END $$;
CREATE TRIGGER credit_note_fits AFTER INSERT ON billing_creditnote
    FOR EACH ROW WHEN (NEW.reduces_minor > 0) EXECUTE FUNCTION billing_credit_note_fits();

CREATE FUNCTION billing_refund_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paid bigint;
    back bigint;
    way text;
BEGIN
    way := coalesce(
        (SELECT method FROM billing_payment
          WHERE business_id = NEW.business_id
            AND id = coalesce(NEW.payment_id, NEW.card_payment_id)),
        (SELECT method FROM billing_cashreceipt WHERE business_id = NEW.business_id AND id = NEW.receipt_id),
        'bank');
    IF way <> NEW.method THEN
        RAISE EXCEPTION 'the money came by %, not by %', way, NEW.method
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_goes_back_as_paid';
    END IF;
    IF NEW.receipt_id IS NOT NULL THEN
        PERFORM billing_receipt_is_not_overdrawn(NEW.business_id, NEW.receipt_id);
    ELSIF NEW.payment_id IS NULL THEN
        PERFORM billing_balance_is_not_overdrawn(NEW.business_id, NEW.currency);
    END IF;
    IF coalesce(NEW.payment_id, NEW.card_payment_id) IS NOT NULL THEN
        SELECT allocated_minor INTO STRICT paid FROM billing_payment
         WHERE business_id = NEW.business_id
           AND id = coalesce(NEW.payment_id, NEW.card_payment_id) FOR UPDATE;
        SELECT sum(amount_minor) INTO back FROM billing_refund
         WHERE coalesce(payment_id, card_payment_id)
               = coalesce(NEW.payment_id, NEW.card_payment_id) AND status NOT IN ('failed', 'cancelled');
        IF back > paid THEN
            RAISE EXCEPTION 'more goes back than was paid: % of %', back, paid
                USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_within_payment';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refund_fits AFTER INSERT
    OR UPDATE OF business_id, payment_id, receipt_id, card_payment_id, currency, method, status, amount_minor ON billing_refund
    FOR EACH ROW WHEN (NEW.status NOT IN ('failed', 'cancelled'))
    EXECUTE FUNCTION billing_refund_fits();
