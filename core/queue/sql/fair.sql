    -- Whose turn it is: owners with due rows, beginning behind the one that was served last, found by
    -- one index probe each. LIMIT keeps the planner from reading whole indexes instead.
    WITH RECURSIVE ahead AS (
        (SELECT {owner} AS owner FROM {table}
          WHERE {is_open} AND {owner} > %(after)s ORDER BY {owner} LIMIT 1)
        UNION ALL
        SELECT (SELECT {owner} FROM {table}
                 WHERE {is_open} AND {owner} > a.owner ORDER BY {owner} LIMIT 1)
          FROM ahead a WHERE a.owner IS NOT NULL
    ), behind AS (
        (SELECT {owner} AS owner FROM {table}
          WHERE {is_open} AND {owner} <= %(after)s ORDER BY {owner} LIMIT 1)
        UNION ALL
        SELECT (SELECT {owner} FROM {table}
                 WHERE {is_open} AND {owner} > b.owner AND {owner} <= %(after)s
                 ORDER BY {owner} LIMIT 1)
          FROM behind b WHERE b.owner IS NOT NULL
    ), turn AS MATERIALIZED (
        SELECT owner, free, row_number() OVER ({turn_order}) AS place
          FROM (SELECT o.owner,
                       %(per_owner)s - coalesce(
                           (SELECT sum(u.rows)
                              FROM unnest(%(busy)s::bigint[], %(busy_rows)s::int[]) u (owner, rows)
                             WHERE u.owner = o.owner), 0) AS free{is_urgent}
                  FROM (SELECT owner FROM ahead UNION ALL SELECT owner FROM behind) o
                 CROSS JOIN LATERAL (
                        SELECT {urgent} FROM {table} q
                         WHERE {is_open} AND {owner} = o.owner AND {is_due} AND {ready}{in_order}
                         ORDER BY {owner}, {urgent_first}q.not_before, q.{key} LIMIT 1) due
                 WHERE o.owner IS NOT NULL) t
         WHERE free > 0
         LIMIT %(limit)s
    )
    SELECT d.key, t.owner, d.attempts, d.was_lost, t.place
      FROM turn t
     CROSS JOIN LATERAL (
            {weigh}SELECT q.{key} AS key, q.attempts, q.leased_until IS NOT NULL AS was_lost{weight}
              FROM {table} q
             WHERE {is_open} AND {owner} = t.owner AND {is_due} AND {ready}{in_order}
             -- The owner is one; naming it lets the index answer the order where it is an expression.
             ORDER BY {owner}, {urgent_first}q.not_before, q.{key}
             LIMIT least(t.free,
                         (SELECT greatest(1, %(limit)s / greatest(1, count(*))) FROM turn))
               FOR NO KEY UPDATE SKIP LOCKED{within_weight}) d
