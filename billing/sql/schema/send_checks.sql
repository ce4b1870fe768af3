-- Promises: sends of a business with a hard spend cap are looked at by `billing.spend_caps.check_cap`.
CREATE OR REPLACE FUNCTION hosting_checks_sends(of_business bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM billing_spendcap c WHERE c.business_id = of_business AND c.is_hard)
$$;
