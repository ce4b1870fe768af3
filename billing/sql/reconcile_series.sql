-- Promises: every number series whose documents do not take the numbers from 1 to its last, each
-- once; every number whose year is not that of its date; every test invoice outside a test series,
-- and every other inside one. Series are of no business: business 0. All months, whatever is asked.
WITH numbered AS MATERIALIZED (
    SELECT business_id, number, issued_on, is_test, m.parts[1] AS prefix, m.parts[2]::int AS year,
           m.parts[3]::int AS n
      FROM (SELECT business_id, number, issued_on, is_test FROM billing_invoice
             WHERE number IS NOT NULL
            UNION ALL
            SELECT business_id, number, issued_on, false FROM billing_creditnote) d
     CROSS JOIN LATERAL regexp_match(d.number, '^(.*)-([0-9]{4})-([0-9]+)$') AS m (parts)
     WHERE %(month)s::date IS NULL OR true
), counted AS MATERIALIZED (
    SELECT prefix, year, count(*) AS documents, count(DISTINCT n) AS numbers, min(n) AS lowest,
           max(n) AS highest
      FROM numbered GROUP BY 1, 2
)
SELECT 0::bigint, format('series %%s-%%s', coalesce(s.prefix, c.prefix), coalesce(s.year, c.year)),
       format('numbers 1 to %%s', coalesce(s.last, 0)),
       format('%%s documents, numbers %%s to %%s', coalesce(c.documents, 0), coalesce(c.lowest, 0),
              coalesce(c.highest, 0))
  FROM billing_numberseries s
  FULL JOIN counted c ON c.prefix = s.prefix AND c.year = s.year
 WHERE coalesce(s.last, 0) <> coalesce(c.documents, 0)
    OR (c.documents > 0 AND (c.lowest <> 1 OR c.highest <> c.documents
                             OR c.numbers <> c.documents))
UNION ALL
SELECT business_id, 'document ' || number || ', date', 'a day of ' || year, issued_on::text
  FROM numbered WHERE extract(year FROM issued_on) IS DISTINCT FROM year
UNION ALL
SELECT business_id, 'document ' || number || ', series',
       CASE WHEN is_test THEN 'a test series' ELSE 'no test series' END, prefix
  FROM numbered WHERE is_test <> (prefix LIKE '%%-TEST')
 ORDER BY 1, 2
