-- Promises: one refused send written down, unless its business has had %(most)s of them in the hour before.
INSERT INTO hosting_rejectedsend (business_id, number_id, wa_id, kind, content, code, reason, created_at)
SELECT %(business_id)s, %(number_id)s, %(wa_id)s, %(kind)s, %(content)s::jsonb, %(code)s, %(reason)s, %(at)s
 WHERE (SELECT count(*) FROM (SELECT 1 FROM hosting_rejectedsend r
                               WHERE r.business_id = %(business_id)s
                                 AND r.created_at > %(at)s::timestamptz - interval '1 hour'
                               LIMIT %(most)s) recent) < %(most)s
