-- Promises: `amount / unit` rounded to the nearest integer, halves to the even one; exact, for
-- either sign.
CREATE FUNCTION billing_round_half_even(amount bigint, unit bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT floor_quotient + CASE
               WHEN 2 * rest > unit THEN 1
               WHEN 2 * rest = unit THEN abs(floor_quotient % 2)
               ELSE 0 END
      FROM (SELECT floor(amount::numeric / unit)::bigint AS floor_quotient) q,
           LATERAL (SELECT amount - floor_quotient * unit AS rest) r
$$;

-- Promises: a tier's price less a discount in percent, rounded half-even to a micro-unit, never
-- below the floor that the price itself keeps to. Exact.
CREATE FUNCTION billing_price(price bigint, discount_percent numeric, floor_micros bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN discount_percent = 0 THEN price ELSE greatest(floor_micros,
        billing_round_half_even(price * (10000 - (discount_percent * 100)::bigint), 10000)) END
$$;
