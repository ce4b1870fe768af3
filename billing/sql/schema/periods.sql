-- The month (its first day) in which a business began: that of its first plan, or of its first
-- period where deliveries came before. From then on it has a period for every month.
CREATE FUNCTION billing_began(of_business bigint)
RETURNS TABLE (month date) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT least((SELECT date_trunc('month', min(t.started_at) AT TIME ZONE z.timezone)::date
                    FROM accounts_planterm t WHERE t.business_id = z.id),
                 (SELECT min(p.month) FROM billing_period p WHERE p.business_id = z.id))
      FROM accounts_business z
     WHERE z.id = of_business
$$;
