-- Promises: applied events are counted for the month of their business, and those over what its plan keeps are gone.
-- What the platform's own address took in is nobody's and is kept. Input: parallel arrays, an element an event.
WITH arrived AS (
    SELECT a.business_id, u.event_id, row_number() OVER (PARTITION BY a.business_id ORDER BY u.event_id) AS n
      FROM unnest(%(events)s::bigint[], %(accounts)s::bigint[]) AS u (event_id, account_id)
      JOIN hosting_account a ON a.id = u.account_id
), counted AS (
    INSERT INTO hosting_inboundcount AS c (business_id, month, raw_events)
    SELECT business_id, date_trunc('month', now() AT TIME ZONE 'UTC')::date, count(*)
      FROM arrived GROUP BY business_id ORDER BY business_id
    ON CONFLICT (business_id, month) DO UPDATE SET raw_events = c.raw_events + EXCLUDED.raw_events
    RETURNING c.business_id, c.raw_events
)
DELETE FROM hosting_event e
 USING (SELECT r.event_id
          FROM arrived r
          JOIN counted c ON c.business_id = r.business_id
          JOIN (SELECT business_id, count(*) AS events FROM arrived GROUP BY 1) k ON k.business_id = r.business_id
          JOIN accounts_business b ON b.id = r.business_id
          JOIN accounts_plan p ON p.code = b.plan_id
         WHERE c.raw_events - k.events + r.n > p.raw_events) over
 WHERE e.id = over.event_id
