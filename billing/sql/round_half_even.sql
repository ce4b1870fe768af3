-- Promises: `amount / unit` rounded to the nearest integer, halves to the even one; exact, for either sign.
CREATE OR REPLACE FUNCTION billing_round_half_even(amount bigint, unit bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT floor_quotient + CASE
               WHEN 2 * rest > unit THEN 1
               WHEN 2 * rest = unit THEN abs(floor_quotient % 2)
               ELSE 0 END
      FROM (SELECT floor(amount::numeric / unit)::bigint AS floor_quotient) q,
           LATERAL (SELECT amount - floor_quotient * unit AS rest) r
$$;
