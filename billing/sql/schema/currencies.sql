-- Promises: one currency from the card to the invoice. A month keeps the currency that it began
-- with; a business's change of currency is for the months after this one. A cap is in the
-- business's currency, a default card in that which it is the default of, an invoice in its
-- month's. A business follows no card of another currency, and none that says what the upstream
-- charges.
ALTER TABLE accounts_business ADD CONSTRAINT business_in_currency UNIQUE (id, currency);
ALTER TABLE billing_ratecard ADD CONSTRAINT card_in_currency UNIQUE (id, currency);
ALTER TABLE billing_period ADD CONSTRAINT period_in_currency UNIQUE (id, currency);
ALTER TABLE billing_spendcap ADD CONSTRAINT cap_in_currency_of_business
    FOREIGN KEY (business_id, currency) REFERENCES accounts_business (id, currency);
ALTER TABLE billing_defaultcard ADD CONSTRAINT default_card_in_currency
    FOREIGN KEY (card_id, currency) REFERENCES billing_ratecard (id, currency);
ALTER TABLE billing_invoice ADD CONSTRAINT invoice_in_currency_of_period
    FOREIGN KEY (period_id, currency) REFERENCES billing_period (id, currency);

CREATE FUNCTION billing_take_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(NEW.currency, '') = '' THEN
        NEW.currency := (SELECT z.currency FROM accounts_business z WHERE z.id = NEW.business_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER take_currency BEFORE INSERT ON billing_period
    FOR EACH ROW EXECUTE FUNCTION billing_take_currency();
CREATE TRIGGER take_currency BEFORE INSERT ON billing_spendcap
    FOR EACH ROW EXECUTE FUNCTION billing_take_currency();

CREATE FUNCTION billing_period_keeps_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM billing_tally y
                WHERE y.business_id = OLD.business_id AND y.month = OLD.month)
       OR EXISTS (SELECT FROM billing_usage u
                   WHERE u.business_id = OLD.business_id AND u.billed_month = OLD.month) THEN
        RAISE EXCEPTION 'the month % has charges in %: its currency cannot change',
            OLD.month, OLD.currency
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keeps_currency BEFORE UPDATE OF currency ON billing_period
    FOR EACH ROW WHEN (OLD.currency IS DISTINCT FROM NEW.currency)
    EXECUTE FUNCTION billing_period_keeps_currency();

CREATE FUNCTION billing_card_keeps_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.currency <> OLD.currency
       AND EXISTS (SELECT FROM billing_cardversion v
                    WHERE v.card_id = OLD.id AND v.state <> 'draft') THEN
        RAISE EXCEPTION 'the card has versions in %: make another card', OLD.currency
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.is_cost AND (EXISTS (SELECT FROM billing_defaultcard d WHERE d.card_id = NEW.id)
                        OR EXISTS (SELECT FROM billing_cardchoice c WHERE c.card_id = NEW.id)) THEN
        RAISE EXCEPTION 'businesses follow this card: it cannot be what the upstream charges'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_is_billed_at_cost';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keeps_currency BEFORE UPDATE OF currency, is_cost ON billing_ratecard
    FOR EACH ROW EXECUTE FUNCTION billing_card_keeps_currency();

CREATE FUNCTION billing_followed_card_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    card record;
    refused date;
BEGIN
    SELECT k.currency, k.is_cost, z.currency AS own,
           (m.month + interval '1 month')::date AS next_month
      INTO card
      FROM billing_ratecard k
      JOIN accounts_business z ON z.id = NEW.business_id
     CROSS JOIN LATERAL billing_month(z.id, coalesce(z.clock_at, now())) m
     WHERE k.id = NEW.card_id;
    IF card.is_cost THEN
        RAISE EXCEPTION 'this card says what the upstream charges: nobody is billed by it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_is_billed_at_cost';
    END IF;
    SELECT min(p.month) INTO refused FROM billing_period p
     WHERE p.business_id = NEW.business_id AND p.currency <> card.currency
       AND p.month <@ daterange(NEW.valid_from, NEW.valid_to);
    IF refused IS NOT NULL OR (card.currency <> card.own
                               AND (NEW.valid_to IS NULL OR NEW.valid_to > card.next_month)) THEN
        RAISE EXCEPTION 'the card is in %, the business in another currency%', card.currency,
            coalesce(' in ' || to_char(refused, 'YYYY-MM'), '')
            USING ERRCODE = 'check_violation', CONSTRAINT = 'followed_card_in_currency';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER card_fits BEFORE INSERT OR UPDATE ON billing_cardchoice
    FOR EACH ROW WHEN (NEW.card_id IS NOT NULL) EXECUTE FUNCTION billing_followed_card_fits();

-- This month keeps the currency that it began with: its row is made before the change where it is
-- missing.
CREATE FUNCTION billing_business_changes_currency() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    this_month date;
    next_month date;
BEGIN
    SELECT m.month, (m.month + interval '1 month')::date INTO this_month, next_month
      FROM billing_month(OLD.id, coalesce(OLD.clock_at, now())) m;
    IF EXISTS (SELECT FROM billing_cardchoice c JOIN billing_ratecard k ON k.id = c.card_id
                WHERE c.business_id = OLD.id AND k.currency <> NEW.currency
                  AND (c.valid_to IS NULL OR c.valid_to > next_month)) THEN
        RAISE EXCEPTION 'a card in another currency is agreed from % on: end that first', next_month
            USING ERRCODE = 'check_violation', CONSTRAINT = 'followed_card_in_currency';
    END IF;
    INSERT INTO billing_period (business_id, month, starts_at, ends_at, state, currency)
    SELECT OLD.id, this_month, e.starts_at, e.ends_at, 'open', OLD.currency
      FROM billing_edges(OLD.id, this_month) e
    ON CONFLICT (business_id, month) DO NOTHING;
    UPDATE billing_period p SET currency = NEW.currency
     WHERE p.business_id = OLD.id AND p.month >= next_month;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_currency BEFORE UPDATE OF currency ON accounts_business
    FOR EACH ROW WHEN (OLD.currency IS DISTINCT FROM NEW.currency)
    EXECUTE FUNCTION billing_business_changes_currency();

-- A plan with a fee begins in a month of its currency: after a change of currency, in the next one.
CREATE FUNCTION billing_plan_fits_month() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    refused text;
BEGIN
    SELECT p.currency INTO refused
      FROM accounts_plan f
     CROSS JOIN LATERAL billing_month(NEW.id, coalesce(NEW.clock_at, now())) m
      JOIN billing_period p ON p.business_id = NEW.id AND p.month = m.month
     WHERE f.code = NEW.plan_id AND f.monthly_fee_micros > 0 AND p.currency <> f.currency;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'this month is billed in %: the plan can begin next month', refused
            USING ERRCODE = 'check_violation', CONSTRAINT = 'plan_in_currency_of_month';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_fits_month BEFORE UPDATE OF plan_id ON accounts_business
    FOR EACH ROW WHEN (OLD.plan_id IS DISTINCT FROM NEW.plan_id)
    EXECUTE FUNCTION billing_plan_fits_month();

-- What was the default card of a month with charges stays the default card of it.
CREATE FUNCTION billing_default_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    since date := least(CASE WHEN TG_OP <> 'INSERT' THEN OLD.valid_from END,
                        CASE WHEN TG_OP <> 'DELETE' THEN NEW.valid_from END);
    charged date;
BEGIN
    IF TG_OP <> 'DELETE'
       AND (SELECT k.is_cost FROM billing_ratecard k WHERE k.id = NEW.card_id) THEN
        RAISE EXCEPTION 'this card says what the upstream charges: nobody is billed by it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_is_billed_at_cost';
    END IF;
    SELECT max(y.month) INTO charged
      FROM billing_tally y CROSS JOIN LATERAL billing_currency(y.business_id, y.month) money
     WHERE y.month >= since
       AND money.currency IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.currency END,
                              CASE WHEN TG_OP <> 'DELETE' THEN NEW.currency END)
       AND NOT EXISTS (SELECT FROM billing_cardchoice c
                        WHERE c.business_id = y.business_id AND c.card_id IS NOT NULL
                          AND y.month <@ daterange(c.valid_from, c.valid_to));
    IF charged IS NOT NULL THEN
        RAISE EXCEPTION 'the month % has charges already: its default card cannot change', charged
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER is_kept BEFORE INSERT OR UPDATE OR DELETE ON billing_defaultcard
    FOR EACH ROW EXECUTE FUNCTION billing_default_is_kept();
