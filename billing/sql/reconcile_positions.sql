-- Promises: every business, month, market, category and rule whose tally is not the number of its
-- charges, or whose charges do not take the positions from 1 to that number, each once. Failed
-- messages take positions of `tier`.
SELECT coalesce(t.business_id, l.business_id),
       concat_ws(', ', coalesce(t.month, l.month), coalesce(t.market, l.market),
                 coalesce(t.category, l.category),
                 coalesce(t.rule, l.rule)),
       format('%%s charges at positions 1 to %%s', coalesce(l.charges, 0), coalesce(l.charges, 0)),
       format('a tally of %%s and positions %%s to %%s', coalesce(t.positions, 0),
              coalesce(l.lowest, 0),
              coalesce(l.highest, 0))
  FROM billing_tally t
  FULL JOIN (SELECT business_id, month, market, category, CASE WHEN rule IN ('failed', 'reported')
      THEN 'tier' ELSE rule END AS rule,
                    count(DISTINCT position) AS charges, min(position) AS lowest,
                    max(position) AS highest
               FROM billing_charge
              WHERE reverses_id IS NULL AND (%(month)s::date IS NULL OR month = %(month)s)
              GROUP BY 1, 2, 3, 4, 5) l USING (business_id, month, market, category, rule)
 WHERE (%(month)s::date IS NULL OR coalesce(t.month, l.month) = %(month)s)
   AND (t.positions IS DISTINCT FROM l.charges OR l.lowest <> 1 OR l.highest <> l.charges)
 ORDER BY 1, 2
