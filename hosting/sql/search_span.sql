-- Promises: the first and the last day (as `hosting_search_day` counts) on which a hit can lie; NULLs without messages.
SELECT CASE WHEN held.first IS NOT NULL THEN greatest(held.first, hosting_search_day(%(since)s)) END,
       CASE WHEN held.first IS NOT NULL
            THEN least(held.last, hosting_search_day(%(until)s), hosting_search_day(%(below_at)s)) END
  FROM (SELECT (SELECT hosting_search_day(m.created_at) FROM hosting_message m WHERE m.business_id = %(business_id)s
                 ORDER BY m.created_at LIMIT 1) AS first,
               (SELECT hosting_search_day(m.created_at) FROM hosting_message m WHERE m.business_id = %(business_id)s
                 ORDER BY m.created_at DESC LIMIT 1) AS last) AS held
