-- Output: how many deliveries a batch names that still wait; 2 where there are more.
SELECT count(*)
  FROM (SELECT FROM billing_meterbatch b
          CROSS JOIN LATERAL unnest(b.businesses, b.firsts, b.lasts) AS r (business_id, first, last)
          JOIN hosting_delivery d ON d.business_id = r.business_id
                                 AND d.id BETWEEN r.first AND r.last
         WHERE b.id = %(id)s LIMIT 2) x
