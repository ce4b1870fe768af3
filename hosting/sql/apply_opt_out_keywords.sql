-- Promises: customers whose newest message of this batch is a word that ends (or resumes) marketing in their business
-- want none from that moment (or again); the words are the business's own, or the common ones where it has none.
WITH said AS (
    SELECT DISTINCT ON (s.business_id, s.wa_id) s.business_id, s.wa_id, s.at,
           s.word = ANY (CASE WHEN w.business_id IS NULL THEN %(stop)s::text[] ELSE w.stop END) AS is_stop
      FROM unnest(%(business_ids)s::bigint[], %(wa_ids)s::text[], %(words)s::text[], %(times)s::timestamptz[])
           AS s (business_id, wa_id, word, at)
      LEFT JOIN hosting_optoutwords w ON w.business_id = s.business_id
     WHERE s.word = ANY (CASE WHEN w.business_id IS NULL THEN %(stop)s::text[] || %(start)s::text[]
                              ELSE (w.stop || w.start)::text[] END)
     ORDER BY s.business_id, s.wa_id, s.at DESC
)
UPDATE hosting_contact c SET opted_out_at = CASE WHEN said.is_stop THEN said.at END
  FROM said
 WHERE c.business_id = said.business_id AND c.wa_id = said.wa_id
   AND c.opted_out_at IS DISTINCT FROM CASE WHEN said.is_stop THEN coalesce(c.opted_out_at, said.at) END
