-- The secrets of one account's webhook address (still encrypted): asked before the tenant is known.
-- Every secret that is good now, so that a change needs no moment at which both sides switch.
CREATE FUNCTION hosting_webhook_secrets(wanted_waba_id text)
RETURNS TABLE (account_id bigint, verify_token text, secrets text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT id, verify_token,
           array_remove(ARRAY[
               app_secret,
               CASE WHEN secret_changed_at > statement_timestamp() - interval '24 hours' THEN previous_app_secret END,
               -- The upstream signs with its own.
               (SELECT u.app_secret FROM hosting_upstream u WHERE u.account_id = a.id)
           ], NULL)
      FROM hosting_account a WHERE waba_id = wanted_waba_id
$$;
REVOKE ALL ON FUNCTION hosting_webhook_secrets(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_webhook_secrets(text) TO parley_app, parley_across, parley_system;
