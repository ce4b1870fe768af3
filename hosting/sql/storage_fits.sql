-- Promises: whether so many bytes more fit the business's plan; true stays true until commit, for its row is held.
INSERT INTO hosting_storage AS s (business_id, bytes) VALUES (%(business_id)s, 0)
ON CONFLICT (business_id) DO UPDATE SET bytes = s.bytes
RETURNING coalesce((SELECT s.bytes + %(size)s <= p.media_megabytes * 1000000::bigint
                      FROM accounts_business b JOIN accounts_plan p ON p.code = b.plan_id
                     WHERE b.id = s.business_id), true)
