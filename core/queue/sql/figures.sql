-- Of one queue: since how many seconds its oldest due row waits (0: none waits), how many rows are
-- open and how many are dead letters, both counted up to %(most)s.
SELECT %(name_{n})s AS name,
       greatest(0, extract(epoch FROM statement_timestamp() - (
           WITH RECURSIVE owner AS (
               (SELECT {owner} AS id FROM {table} WHERE {is_open} ORDER BY {owner} LIMIT 1)
               UNION ALL
               SELECT (SELECT {owner} FROM {table} WHERE {is_open} AND {owner} > o.id ORDER BY {owner} LIMIT 1)
                 FROM owner o WHERE o.id IS NOT NULL
           )
           SELECT min(greatest(d.since, d.leased_until))
             FROM owner o
            CROSS JOIN LATERAL (
                   SELECT {since} AS since, leased_until FROM {table} q
                    WHERE {is_open} AND {owner} = o.id AND {is_due} AND {ready} AND {counts}
                    ORDER BY not_before LIMIT 1) d)))::float AS oldest_seconds,
       (SELECT count(*) FROM (SELECT FROM {table} WHERE {is_open} LIMIT %(most)s) x)::int AS open,
       (SELECT count(*) FROM (SELECT FROM {table} WHERE {is_dead} LIMIT %(most)s) x)::int AS dead
