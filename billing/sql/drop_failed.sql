-- Promises: failed messages whose card charges nothing for failures have left the batch, with no trace in the books: no
-- position, no period, no allowance. One whose month has no card stays, to be quarantined. The month is the one that
-- open_periods will find, or make. A failure that waits in quarantine is gone when its message was delivered after all.
WITH superseded AS (
    DELETE FROM billing_quarantine q
     USING pg_temp.meter_batch b
     WHERE q.failed AND q.message_id = b.message_id AND NOT b.failed
)
DELETE FROM pg_temp.meter_batch b
 USING accounts_business z
 WHERE b.failed AND z.id = b.business_id
   AND EXISTS (
        SELECT
          FROM (SELECT coalesce(
                    (SELECT p.month FROM billing_period p WHERE p.business_id = b.business_id
                        AND b.delivered_at >= p.starts_at AND b.delivered_at < p.ends_at),
                    (SELECT CASE WHEN c.ends_at <= b.delivered_at THEN c.month + interval '1 month'
                                 ELSE c.month - interval '1 month' END::date
                       FROM billing_period c
                      WHERE c.business_id = b.business_id
                        AND c.month = date_trunc('month', b.delivered_at AT TIME ZONE z.timezone)::date),
                    date_trunc('month', b.delivered_at AT TIME ZONE z.timezone)::date) AS month) m
          LEFT JOIN billing_cardchoice choice
            ON choice.business_id = b.business_id
           AND choice.valid_from <= m.month AND (choice.valid_to IS NULL OR choice.valid_to > m.month)
          LEFT JOIN billing_ratecard standard ON standard.is_default AND standard.currency = z.currency
          JOIN billing_cardversion v
            ON v.card_id = coalesce(choice.card_id, standard.id) AND v.state <> 'draft'
           AND v.valid_from <= m.month AND (v.valid_to IS NULL OR v.valid_to > m.month)
         WHERE NOT v.failed_charged)
