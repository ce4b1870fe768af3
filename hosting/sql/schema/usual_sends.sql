-- The usual send (a text or a template to one customer) in two round trips: `hosting_open_send` reads all
-- that decides it, `hosting_write_send` writes it. Both are transactions of their own.

-- Whether a send of this business has to be looked at by one of the functions of
-- `hosting.extensions.send_checks` that say so by the database: apps above replace this function.
CREATE FUNCTION hosting_checks_sends(of_business bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$ SELECT false $$;

-- Promises: key, plan, number, the customer's conversation (NULLs where there is none yet) and the
-- template asked for, in one row, and nothing written; no row where the send is not a usual one: the
-- key may not send from that number, the business or the number may not send, a check concerns it,
-- the customer is blocked or had other digits, or the template is not approved. Such sends are
-- answered by `hosting/messages/send.py`. Scopes the transaction to the business.
CREATE FUNCTION hosting_open_send(
    wanted_prefix text, wanted_digest bytea, wanted_number text, person text,
    wanted_template text, wanted_language text
)
RETURNS TABLE (
    key_id bigint, business_id bigint, clock_at timestamptz, hosted_messages int,
    requests_per_second int, number_id bigint, digits text, transport text, messages_per_second int,
    conversation_id bigint, contact_id bigint, network_wa_id text, last_inbound_at timestamptz,
    is_window_proven boolean, referred_at timestamptz, free_entry_at timestamptz,
    template_id bigint, category text, components jsonb
)
LANGUAGE plpgsql AS $$
DECLARE
    opened record;
BEGIN
    SELECT * INTO opened FROM hosting_authenticate(wanted_prefix, wanted_digest, wanted_number);
    IF NOT FOUND OR opened.number_id IS NULL OR NOT 'messages' = ANY (opened.scopes)
       OR opened.suspended_at IS NOT NULL OR NOT opened.is_registered
       OR hosting_checks_sends(opened.business_id) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT opened.key_id, opened.business_id, opened.clock_at, opened.hosted_messages,
           opened.requests_per_second, opened.number_id, opened.digits, opened.transport,
           opened.messages_per_second,
           c.id, p.id, p.network_wa_id::text, c.last_inbound_at,
           coalesce(c.is_window_proven, false), c.referred_at, c.free_entry_at,
           t.id, t.category::text, t.components
      FROM (VALUES (1)) one
      LEFT JOIN hosting_contact p ON p.business_id = opened.business_id AND p.wa_id = person
      LEFT JOIN hosting_conversation c ON c.number_id = opened.number_id AND c.contact_id = p.id
      LEFT JOIN hosting_template t ON t.account_id = opened.account_id AND t.name = wanted_template
                                  AND t.language = wanted_language AND t.status = 'APPROVED'
     WHERE (wanted_template = '' OR t.id IS NOT NULL)
       AND NOT EXISTS (SELECT FROM hosting_block b
                        WHERE b.number_id = opened.number_id AND b.wa_id = person)
       AND (p.id IS NOT NULL
            OR NOT EXISTS (SELECT FROM hosting_formernumber f
                            WHERE f.business_id = opened.business_id AND f.wa_id = person));
END $$;

-- Promises: the customer and conversation where `thread` is NULL, made if they are still not there,
-- and one outbound message in it, written, queued for its transport, shown in its conversation and
-- counted against the plan's month. Nothing, and no row, where the conversation was merged into
-- another one; nothing, and the error `check_violation`, where the plan's limit is reached.
CREATE FUNCTION hosting_write_send(
    mark text, own bigint, number bigint, thread bigint, person text, person_user_id text,
    new_wamid text, new_kind text, new_text text, new_content text, new_context text, new_tracker text,
    template bigint, new_category text, is_window_open boolean, entry_at timestamptz, at timestamptz,
    to_transport text, dialled text, new_preview text, plan_limit bigint
)
RETURNS TABLE (id bigint)
LANGUAGE plpgsql AS $$
DECLARE
    customer bigint;
BEGIN
    PERFORM set_config('parley.business', mark, true);
    IF thread IS NULL THEN
        INSERT INTO hosting_contact AS p (business_id, wa_id, user_id, name, created_at)
        VALUES (own, person, person_user_id, '', at)
            ON CONFLICT (business_id, wa_id) DO UPDATE SET wa_id = EXCLUDED.wa_id
        RETURNING p.id INTO customer;
        INSERT INTO hosting_conversation AS c
            (business_id, number_id, contact_id, public_id, created_at, last_message_at, last_message_text,
             unread_count, is_resolved)
        VALUES (own, number, customer, gen_random_uuid(), at, at, '', 0, false)
            ON CONFLICT (number_id, contact_id) DO UPDATE SET number_id = EXCLUDED.number_id
        RETURNING c.id INTO thread;
    ELSE
        SELECT c.contact_id INTO customer FROM hosting_conversation c
         WHERE c.business_id = own AND c.id = thread FOR KEY SHARE;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    INSERT INTO hosting_hostedcount AS h (business_id, month, messages)
    SELECT own, date_trunc('month', at AT TIME ZONE 'UTC')::date, 1 WHERE plan_limit IS NULL OR plan_limit > 0
        ON CONFLICT (business_id, month) DO UPDATE SET messages = h.messages + 1
            WHERE plan_limit IS NULL OR h.messages < plan_limit;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the plan hosts % messages a month', plan_limit USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO hosting_message AS m
        (business_id, conversation_id, number_id, contact_id, wamid, direction, kind, text, content, context_wamid,
         tracker, template_id, category, window_open, free_entry_at, status, created_at, recipient)
    VALUES (own, thread, number, customer, new_wamid, 'out', new_kind, new_text, new_content::jsonb, new_context,
            new_tracker, template, new_category, is_window_open, entry_at, 'accepted', at, dialled)
    RETURNING m.id INTO hosting_write_send.id;
    INSERT INTO hosting_outgoing
        (message_id, business_id, number_id, transport, state, attempts, not_before, last_error, queued_at)
    VALUES (hosting_write_send.id, own, number, to_transport, 'open', 0, now(), '', now());
    UPDATE hosting_conversation c
       SET last_message_at = greatest(c.last_message_at, at), last_message_text = new_preview,
           free_entry_at = greatest(c.free_entry_at, entry_at)
     WHERE c.business_id = own AND c.id = thread;
    RETURN NEXT;
END $$;
