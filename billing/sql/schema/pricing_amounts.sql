-- Exact amounts in micro-units. All are expressions without a FROM, so that the planner inlines
-- them.

-- `amount / unit` rounded to the nearest integer, halves to the even one; exact, for either sign.
CREATE FUNCTION billing_round_half_even(amount bigint, unit bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT amount / unit
         + CASE WHEN 2 * abs(amount % unit) > unit
                  OR (2 * abs(amount % unit) = unit AND (amount / unit) % 2 <> 0)
                THEN CASE WHEN amount < 0 THEN -1 ELSE 1 END
                ELSE 0 END
$$;

-- Whether a rule is that of a test number's message: priced for show, never owed.
CREATE FUNCTION billing_is_test(rule text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT rule IN ('test', 'test_free')
$$;

-- A tier's price less a discount in percent, rounded half-even to a micro-unit, and not below the
-- floor that the tier's price itself keeps to.
CREATE FUNCTION billing_price(price bigint, discount_percent numeric, floor_micros bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN discount_percent = 0 THEN price
                ELSE greatest(floor_micros, billing_round_half_even(
                         price * (10000 - (discount_percent * 100)::bigint), 10000)) END
$$;

-- What a message costs for which the network reported a price: that, not below the floor, and at most
-- the price of its position, which is what was quoted.
CREATE FUNCTION billing_reported(price bigint, reported bigint, floor_micros bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(price, greatest(floor_micros, reported))
$$;

-- The rule under which a charge's position is counted: failed messages that are charged, and those
-- at reported prices, stand on the ladder of the others.
CREATE FUNCTION billing_ladder(rule text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN rule IN ('failed', 'reported') THEN 'tier' ELSE rule END
$$;
