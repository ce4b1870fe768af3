-- The rules of pricing, each written once: metering, quotes, estimates, the spend cap, re-rating
-- and the pages that explain prices all call these. Each is one SELECT in LANGUAGE sql without SET
-- and without SECURITY DEFINER, so that the planner inlines it into the statement that calls it,
-- with the caller's row-level security. A look-up returns one row at most; sub-selects that end in
-- LIMIT 1 stay index look-ups whatever the planner thinks of joins.

-- The month (its first day) in which a moment falls for a business. Months begin and end where the
-- stored periods say; where there is none yet, it is the calendar's month in the business's time
-- zone, unless that month exists with edges of an older time zone: then the moment is its
-- neighbour's.
CREATE FUNCTION billing_month(of_business bigint, at timestamptz)
RETURNS TABLE (month date) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(stored.month,
                    CASE WHEN beside.ends_at <= at THEN beside.month + interval '1 month'
                         WHEN beside.starts_at > at THEN beside.month - interval '1 month'
                         ELSE date_trunc('month', at AT TIME ZONE z.timezone) END::date)
      FROM accounts_business z
      LEFT JOIN LATERAL (SELECT p.month FROM billing_period p
                          WHERE p.business_id = z.id AND at >= p.starts_at AND at < p.ends_at
                          LIMIT 1) stored ON true
      LEFT JOIN LATERAL (SELECT p.month, p.starts_at, p.ends_at FROM billing_period p
                          WHERE p.business_id = z.id
                            AND p.month = date_trunc('month', at AT TIME ZONE z.timezone)::date
                          LIMIT 1) beside ON stored.month IS NULL
     WHERE z.id = of_business
$$;

-- The edges of a month that is not stored yet: it begins where the month before ends and ends where
-- the month after begins, so that a change of time zone leaves neither hole nor overlap; where
-- there are no such neighbours, at midnight in the business's time zone.
CREATE FUNCTION billing_edges(of_business bigint, of_month date)
RETURNS TABLE (starts_at timestamptz, ends_at timestamptz) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT p.ends_at FROM billing_period p
                      WHERE p.business_id = z.id
                        AND p.month = (of_month - interval '1 month')::date),
                    of_month::timestamp AT TIME ZONE z.timezone),
           coalesce((SELECT p.starts_at FROM billing_period p
                      WHERE p.business_id = z.id
                        AND p.month = (of_month + interval '1 month')::date),
                    (of_month + interval '1 month')::timestamp AT TIME ZONE z.timezone)
      FROM accounts_business z
     WHERE z.id = of_business
$$;

-- The market of a recipient (digits with the calling code) in a month, and the country of that
-- code: of the calling codes that begin it and hold in the month, the longest. 'Other', and no
-- country and no code, where there is none. The first seven digits are enough: no code is longer.
CREATE FUNCTION billing_market(recipient text, in_month date)
RETURNS TABLE (market text, country text, code_id bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(longest.market_id, 'Other')::text, coalesce(longest.country, '')::text,
           longest.id
      FROM (VALUES (1)) one
      LEFT JOIN LATERAL (
            SELECT k.id, k.market_id, k.country FROM billing_callingcode k
             WHERE k.prefix = ANY (ARRAY[left(recipient, 1), left(recipient, 2), left(recipient, 3),
                                         left(recipient, 4), left(recipient, 5), left(recipient, 6),
                                         left(recipient, 7)])
               AND k.valid_from <= in_month AND (k.valid_to IS NULL OR k.valid_to > in_month)
             ORDER BY length(k.prefix) DESC LIMIT 1) longest ON true
$$;

-- The market of a country in a month: that of its shortest calling code. No row without one.
CREATE FUNCTION billing_home(of_country text, in_month date)
RETURNS TABLE (market text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT k.market_id::text FROM billing_callingcode k
     WHERE k.country = of_country AND k.valid_from <= in_month
       AND (k.valid_to IS NULL OR k.valid_to > in_month)
     ORDER BY length(k.prefix), k.prefix LIMIT 1
$$;

-- The version of a card that holds in a month; drafts never do.
CREATE FUNCTION billing_version(of_card bigint, in_month date)
RETURNS SETOF billing_cardversion LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT v.* FROM billing_cardversion v
     WHERE v.card_id = of_card AND v.state <> 'draft' AND v.valid_from <= in_month
       AND (v.valid_to IS NULL OR v.valid_to > in_month)
     LIMIT 1
$$;

-- The currency of a business's month: the one that its period keeps, else the business's own, which
-- is that of the months to come.
CREATE FUNCTION billing_currency(of_business bigint, in_month date)
RETURNS TABLE (currency text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT p.currency FROM billing_period p
                      WHERE p.business_id = z.id AND p.month = in_month), z.currency)::text
      FROM accounts_business z
     WHERE z.id = of_business
$$;

-- What holds for a business in a month: the card chosen for it, else the default card of the
-- month's currency; the version of that card in force, its rules, and the discount agreed. No row
-- where no card of that currency holds.
CREATE FUNCTION billing_terms(of_business bigint, in_month date)
RETURNS TABLE (
    country text, currency text, card_id bigint, version_id bigint, agreed_id bigint,
    discount_percent numeric, floor_micros bigint, ceiling_micros bigint,
    service_free_in_window boolean, utility_free_in_window boolean, reactions_free boolean,
    free_entry_hours integer, free_messages integer, failed_charged boolean,
    reported_prices boolean
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT z.country::text, money.currency, v.card_id, v.id, agreed.id,
           coalesce(agreed.discount_percent, 0), v.floor_micros, v.ceiling_micros,
           v.service_free_in_window, v.utility_free_in_window, v.reactions_free, v.free_entry_hours,
           v.free_messages, v.failed_charged, v.reported_prices
      FROM accounts_business z
     CROSS JOIN LATERAL billing_currency(z.id, in_month) money
      LEFT JOIN LATERAL (SELECT c.id, c.card_id, c.discount_percent FROM billing_cardchoice c
                          WHERE c.business_id = z.id AND c.valid_from <= in_month
                            AND (c.valid_to IS NULL OR c.valid_to > in_month)
                          LIMIT 1) agreed ON true
      LEFT JOIN LATERAL (SELECT d.card_id FROM billing_defaultcard d
                          WHERE d.currency = money.currency AND d.valid_from <= in_month
                          ORDER BY d.valid_from DESC LIMIT 1) standard ON agreed.card_id IS NULL
     CROSS JOIN LATERAL (SELECT k.id FROM billing_ratecard k
                          WHERE k.id = coalesce(agreed.card_id, standard.card_id)
                            AND k.currency = money.currency
                          LIMIT 1) card
     CROSS JOIN LATERAL billing_version(card.id, in_month) v
     WHERE z.id = of_business
$$;

-- Whole hours between the opening of a free-entry window and the acceptance of a message: below the
-- hours that a card's version gives, the message is free. 0 where the network said that the window
-- was open and the moments are not known; NULL without such a window.
CREATE FUNCTION billing_entry_hours(
    is_free_entry boolean, accepted_at timestamptz, opened_at timestamptz
) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(floor(extract(epoch FROM accepted_at - opened_at) / 3600)::integer,
                    CASE WHEN is_free_entry THEN 0 END)
$$;

-- The rule that makes a message free under a version's rules, or 'tier' where it is priced. The
-- first that fits: free entry, reaction, the open 24-hour window. The month's free messages of a
-- number ('allowance', billing_is_allowed) need a count and come after these.
CREATE FUNCTION billing_rule(
    category text, window_open boolean, is_reaction boolean, entry_hours integer,
    service_free_in_window boolean, utility_free_in_window boolean, reactions_free boolean,
    free_entry_hours integer
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN entry_hours < free_entry_hours THEN 'free_entry'
                WHEN is_reaction AND reactions_free THEN 'reaction'
                WHEN category = 'service' AND window_open AND service_free_in_window
                THEN 'service_in_window'
                WHEN category = 'utility' AND window_open AND utility_free_in_window
                THEN 'utility_in_window'
                ELSE 'tier' END
$$;

-- How many service messages of a number a month's free messages were counted against.
CREATE FUNCTION billing_allowance(of_business bigint, of_number bigint, in_month date)
RETURNS TABLE (messages bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT y.messages FROM billing_numbertally y
                      WHERE y.business_id = of_business AND y.month = in_month
                        AND y.number_id = of_number), 0)
$$;

-- Whether a message that no other rule makes free is within the month's free messages of its
-- number, when so many were counted before it: service messages alone have such.
CREATE FUNCTION billing_is_allowed(
    rule text, category text, free_messages integer, counted bigint
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT rule = 'tier' AND category = 'service' AND counted < free_messages
$$;

-- The rate of a category in a market under a version, and the category that it is priced as:
-- authentication to another market than that of the sender's country is international where the
-- card has a price for that. No row without a rate.
CREATE FUNCTION billing_rate_of(
    of_version bigint, in_market text, of_category text, from_country text, in_month date
) RETURNS TABLE (rate_id bigint, category text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT r.id, r.category::text
      FROM billing_rate r
     WHERE r.version_id = of_version AND r.market_id = in_market
       AND (r.category = of_category
            OR (of_category = 'authentication' AND r.category = 'authentication-international'
                AND in_market IS DISTINCT FROM
                    (SELECT h.market FROM billing_home(from_country, in_month) h)))
     -- 'authentication-international' comes after 'authentication'.
     ORDER BY r.category DESC LIMIT 1
$$;

-- The tiers of a rate that the positions `from_position` to `to_position` fall into, with how many
-- of them fall into each.
CREATE FUNCTION billing_steps(of_rate bigint, from_position bigint, to_position bigint)
RETURNS TABLE (tier_id bigint, first bigint, last bigint, price_micros bigint, positions bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.id, t.first, t.last, t.price_micros,
           least(t.last, to_position) - greatest(t.first, from_position) + 1
      FROM billing_tier t
     WHERE t.rate_id = of_rate AND t.first <= to_position
       AND (t.last IS NULL OR t.last >= from_position)
$$;

-- How one more message of a business would be priced in a month: the rule, the rate and the
-- category that it is priced as, the discount and floor, and how many positions of that ladder are
-- taken. No row where no card holds; no rate (NULL) where the card has none, which matters under
-- 'tier' alone.
CREATE FUNCTION billing_question(
    of_business bigint, in_month date, in_market text, of_category text, window_open boolean,
    is_reaction boolean, entry_hours integer
) RETURNS TABLE (
    rule text, rate_id bigint, category text, taken bigint, discount_percent numeric,
    floor_micros bigint, free_messages integer
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT billing_rule(of_category, window_open, is_reaction, entry_hours,
                        t.service_free_in_window, t.utility_free_in_window,
                        t.reactions_free, t.free_entry_hours),
           r.rate_id, coalesce(r.category, of_category), coalesce(ladder.positions, 0),
           t.discount_percent, t.floor_micros, t.free_messages
      FROM billing_terms(of_business, in_month) t
      LEFT JOIN LATERAL billing_rate_of(t.version_id, in_market, of_category, t.country,
                                        in_month) r ON true
      LEFT JOIN LATERAL (SELECT y.positions FROM billing_tally y
                          WHERE y.business_id = of_business AND y.month = in_month
                            AND y.market = in_market AND y.category = r.category AND y.rule = 'tier'
                          LIMIT 1) ladder ON true
$$;

-- What a business's messages have cost so far on a month's invoice, test traffic not, and what is under way: the
-- prices held for messages that a hard spend cap let pass and that are not metered yet.
CREATE FUNCTION billing_spending(of_business bigint, in_month date)
RETURNS TABLE (spent_micros bigint, committed_micros bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT sum(u.amount_micros) FROM billing_usage u
                      WHERE u.business_id = of_business AND u.billed_month = in_month
                        AND NOT billing_is_test(u.rule)), 0)::bigint,
           coalesce((SELECT sum(k.price_micros) FROM billing_commitment k
                      WHERE k.business_id = of_business), 0)::bigint
$$;
