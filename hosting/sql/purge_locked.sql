-- Promises: up to `limit` messages that stayed locked past their time are gone; those of customers or numbers on hold
-- stay, and those of businesses in `without_notice`, whose notice was not handed over to a mail server.
-- Output: the files that they held.
WITH due AS (
    SELECT l.message_id, l.business_id, l.kind, l.content
      FROM hosting_lockedmessage l
      JOIN hosting_message m ON m.business_id = l.business_id AND m.id = l.message_id
      JOIN hosting_number n ON n.business_id = l.business_id AND n.id = m.number_id AND n.held_at IS NULL
      JOIN hosting_contact c ON c.business_id = l.business_id AND c.id = m.contact_id AND c.held_at IS NULL
      JOIN accounts_business b ON b.id = l.business_id
     WHERE l.keep_until < coalesce(b.clock_at, now()) AND l.business_id <> ALL (%(without_notice)s::bigint[])
     ORDER BY l.keep_until LIMIT %(limit)s FOR UPDATE OF l
), gone AS (
    DELETE FROM hosting_message m USING due d WHERE m.business_id = d.business_id AND m.id = d.message_id
)
SELECT business_id, kind, content FROM due
