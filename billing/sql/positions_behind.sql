-- Promises: for each message line of an invoice the lowest and the highest position that its
-- messages can have, read from the ends of the unique index (where failed messages share the
-- ladder's positions): what is between them is copied a stretch at a time.
SELECT l.position, l.market,
       (SELECT min(x.position) FROM billing_charge x
         WHERE x.business_id = l.business_id AND x.month = l.month AND x.market = l.market
           AND x.category = l.category AND x.rule = l.rule
           AND x.position >= coalesce(l.tier_first, 0)
           AND CASE WHEN x.rule IN ('failed', 'reported') THEN 'tier' ELSE x.rule END
             = CASE WHEN l.rule IN ('failed', 'reported') THEN 'tier' ELSE l.rule END),
       least(l.tier_last,
             (SELECT max(x.position) FROM billing_charge x
               WHERE x.business_id = l.business_id AND x.month = l.month AND x.market = l.market
                 AND x.category = l.category AND x.rule = l.rule
                 AND CASE WHEN x.rule IN ('failed', 'reported') THEN 'tier' ELSE x.rule END
                   = CASE WHEN l.rule IN ('failed', 'reported') THEN 'tier' ELSE l.rule END))
  FROM billing_invoiceline l
 WHERE l.invoice_id = %(invoice_id)s AND l.kind IN ('messages', 'late')
   AND (%(line)s::int IS NULL OR l.position = %(line)s)
 ORDER BY l.position
