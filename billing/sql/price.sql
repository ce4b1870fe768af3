-- Promises: a tier's price less a discount in percent, rounded half-even to a micro-unit, never below the floor that the
-- price itself keeps to. Exact.
CREATE OR REPLACE FUNCTION billing_price(price bigint, discount_percent numeric, floor_micros bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN discount_percent = 0 THEN price ELSE greatest(floor_micros,
        billing_round_half_even(price * (10000 - (discount_percent * 100)::bigint), 10000)) END
$$;
