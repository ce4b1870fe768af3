-- Promises: up to `limit` messages of one number from before a moment are gone, the oldest first; those of customers
-- on hold stay, and those that still wait to be sent. What was delivered and waits for its price is priced all the
-- same: that row stands by itself. Output: the files that the messages held, once a message with its kind and content.
WITH chosen AS (
    SELECT m.id FROM hosting_message m
     WHERE m.business_id = %(business_id)s AND m.number_id = %(number_id)s AND m.created_at < %(before)s
       AND NOT EXISTS (SELECT FROM hosting_outgoing o
                        WHERE o.business_id = m.business_id AND o.message_id = m.id)
       AND NOT EXISTS (SELECT FROM hosting_contact c
                        WHERE c.business_id = m.business_id AND c.id = m.contact_id AND c.held_at IS NOT NULL)
     ORDER BY m.created_at, m.id LIMIT %(limit)s
)
DELETE FROM hosting_message m USING chosen c WHERE m.business_id = %(business_id)s AND m.id = c.id
RETURNING m.kind, CASE WHEN m.kind IN ('image', 'audio', 'video', 'document', 'sticker', 'template', 'interactive')
                       THEN m.content END
