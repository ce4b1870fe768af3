-- What one account's webhook address is verified by (secrets still encrypted): asked before the tenant
-- is known. Every secret that is good now, so that a change needs no moment at which both sides
-- switch. Each comes with the source that it proves: the business knows its own secrets, the upstream
-- signs with another. And what the plan lets come: webhooks a second, and whether as many wait to be
-- applied as it keeps.
CREATE FUNCTION hosting_webhook_secrets(wanted_waba_id text)
RETURNS TABLE (account_id bigint, verify_token text, secrets text[], sources text[], per_second int, is_full boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT a.id, a.verify_token, s.secrets, s.sources, p.webhooks_per_second,
           p.raw_events IS NOT NULL
               AND (SELECT count(*) FROM (SELECT FROM hosting_event e
                                           WHERE coalesce(e.account_id, 0) = a.id
                                             AND e.applied_at IS NULL AND e.dead_at IS NULL
                                           LIMIT p.raw_events) waiting) >= p.raw_events
      FROM hosting_account a
      JOIN accounts_business b ON b.id = a.business_id
      JOIN accounts_plan p ON p.code = b.plan_id
     CROSS JOIN LATERAL (
           SELECT array_agg(one.secret ORDER BY one.n) AS secrets,
                  array_agg(one.source ORDER BY one.n) AS sources
             FROM (SELECT 1 AS n, u.app_secret AS secret, 'upstream' AS source
                     FROM hosting_upstream u WHERE u.account_id = a.id
                    UNION ALL SELECT 2, a.app_secret, 'business'
                    UNION ALL
                   SELECT 3, a.previous_app_secret, 'business'
                    WHERE a.secret_changed_at > statement_timestamp() - interval '24 hours') one
            WHERE one.secret IS NOT NULL) s
     WHERE a.waba_id = wanted_waba_id
$$;
REVOKE ALL ON FUNCTION hosting_webhook_secrets(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_webhook_secrets(text) TO parley_app, parley_across, parley_system;
