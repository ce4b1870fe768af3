-- Pages of the own API's lists, each in one round trip: who holds the key, and the rows as objects of
-- JSON with the names and the order of the list's serializer. A key that is not live, lacks the scope
-- `read` or is limited to some numbers gets no row, and so does a conversation that is not there: such
-- requests are answered by the list's view. Row-level security applies: only the key's business is read.

-- The business of a key that may read all of it, and how many requests a second it may make;
-- `is_limited` is false on a test clock. Scopes the transaction to the business.
CREATE FUNCTION hosting_open_reader(wanted_prefix text, wanted_digest bytea)
RETURNS TABLE (key_id bigint, business_id bigint, requests_per_second int, is_limited boolean)
LANGUAGE plpgsql AS $$
DECLARE
    opened record;
BEGIN
    SELECT * INTO opened FROM accounts_open_key(wanted_prefix, wanted_digest);
    IF NOT FOUND OR opened.number_ids IS NOT NULL OR NOT 'read' = ANY (opened.scopes) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT opened.key_id, b.id, p.requests_per_second, b.clock_at IS NULL
      FROM accounts_business b JOIN accounts_plan p ON p.code = b.plan_id
     WHERE b.id = opened.business_id;
END $$;

-- Messages of one conversation, newest first, or of all (`thread` is NULL), by time. A page begins
-- after the message with `after_id`, and `after_at` where it is of all; NULL: at the newest.
CREATE FUNCTION hosting_message_page(
    wanted_prefix text, wanted_digest bytea, thread uuid, after_at timestamptz, after_id bigint, size int
)
RETURNS TABLE (key_id bigint, business_id bigint, requests_per_second int, is_limited boolean, page text)
LANGUAGE plpgsql AS $$
DECLARE
    own bigint;
    ids bigint[];
BEGIN
    SELECT r.key_id, r.business_id, r.requests_per_second, r.is_limited
      INTO key_id, business_id, requests_per_second, is_limited
      FROM hosting_open_reader(wanted_prefix, wanted_digest) r;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF thread IS NULL THEN
        ids := ARRAY(
            SELECT m.id FROM hosting_message m
             WHERE m.business_id = hosting_message_page.business_id
               AND (m.created_at, m.id) < (coalesce(after_at, 'infinity'), coalesce(after_id, 9223372036854775807))
             ORDER BY m.created_at DESC, m.id DESC LIMIT size);
    ELSE
        SELECT c.id INTO own FROM hosting_conversation c
         WHERE c.business_id = hosting_message_page.business_id AND c.public_id = thread;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        ids := ARRAY(
            SELECT m.id FROM hosting_message m
             WHERE m.business_id = hosting_message_page.business_id AND m.conversation_id = own
               AND m.id < coalesce(after_id, 9223372036854775807)
             ORDER BY m.id DESC LIMIT size);
    END IF;
    page := (
        SELECT json_agg(w.shown ORDER BY w.place)
          FROM (SELECT i.place, (SELECT row_to_json(x) FROM (SELECT
                       m.id, m.wamid, c.public_id AS conversation, n.phone_number_id AS number,
                       p.wa_id AS contact, m.direction, m.kind, m.text, m.content, m.context_wamid,
                       m.tracker, t.name AS template, m.category, m.status, m.errors, m.created_at,
                       m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.edited_at, m.revoked_at) x) AS shown
                  FROM unnest(ids) WITH ORDINALITY i (id, place)
                  JOIN hosting_message m ON m.business_id = hosting_message_page.business_id AND m.id = i.id
                  JOIN hosting_conversation c ON c.business_id = m.business_id AND c.id = m.conversation_id
                  JOIN hosting_number n ON n.business_id = m.business_id AND n.id = m.number_id
                  JOIN hosting_contact p ON p.business_id = m.business_id AND p.id = m.contact_id
                  LEFT JOIN hosting_template t ON t.business_id = m.business_id AND t.id = m.template_id) w);
    RETURN NEXT;
END $$;

-- Conversations by newest message. A page begins after the conversation with `after_id` whose last
-- message was at `after_at`; NULL: at the newest.
CREATE FUNCTION hosting_conversation_page(
    wanted_prefix text, wanted_digest bytea, after_at timestamptz, after_id bigint, size int
)
RETURNS TABLE (key_id bigint, business_id bigint, requests_per_second int, is_limited boolean, page text)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT r.key_id, r.business_id, r.requests_per_second, r.is_limited
      INTO key_id, business_id, requests_per_second, is_limited
      FROM hosting_open_reader(wanted_prefix, wanted_digest) r;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    page := (
        SELECT json_agg(w.shown ORDER BY w.last_message_at DESC, w.id DESC)
          FROM (SELECT c.last_message_at, c.id, (SELECT row_to_json(x) FROM (SELECT
                       c.id AS place, c.public_id AS id, n.phone_number_id AS number, (SELECT row_to_json(y) FROM (SELECT
                       p.id, p.wa_id, p.user_id, p.name, p.username, p.alias, p.created_at, p.held_at) y) AS contact,
                       c.created_at, c.last_message_at, c.last_message_text, c.last_inbound_at,
                       c.last_inbound_at + interval '24 hours' AS window_until, c.unread_count, c.is_resolved,
                       u.email AS assignee) x) AS shown
                  FROM (SELECT * FROM hosting_conversation o
                         WHERE o.business_id = hosting_conversation_page.business_id
                           AND (o.last_message_at, o.id) < (coalesce(after_at, 'infinity'), coalesce(after_id, 9223372036854775807))
                         ORDER BY o.last_message_at DESC, o.id DESC LIMIT size) c
                  JOIN hosting_number n ON n.business_id = c.business_id AND n.id = c.number_id
                  JOIN hosting_contact p ON p.business_id = c.business_id AND p.id = c.contact_id
                  LEFT JOIN accounts_user u ON u.id = c.assignee_id) w);
    RETURN NEXT;
END $$;
