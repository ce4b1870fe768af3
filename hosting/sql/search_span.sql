-- Promises: the first and the last day (as `hosting_search_day` counts) on which a hit can lie; NULLs without messages.
SELECT greatest((SELECT hosting_search_day(m.created_at) FROM hosting_message m WHERE m.business_id = %(business_id)s
                  ORDER BY m.created_at LIMIT 1),
                hosting_search_day(%(since)s)),
       least((SELECT hosting_search_day(m.created_at) FROM hosting_message m WHERE m.business_id = %(business_id)s
               ORDER BY m.created_at DESC LIMIT 1),
             hosting_search_day(%(until)s), hosting_search_day(%(below_at)s))
