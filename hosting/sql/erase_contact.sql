-- Promises: of one contact, nothing that names it or holds what was said is left in the tables of messages, queues and
-- logs: messages, what waits to be sent, webhook calls, parked statuses, blocks, places in the
-- lists of broadcasts, refused sends, simulated phones, former numbers. Everything within the business, by equal ids: bodies
-- are parsed by hosting/privacy/erasure.py. Deliveries that wait for their price keep only the digits that decide the market. Output: how many messages went.
WITH of_person AS (
    SELECT id, wamid, number_id FROM hosting_message
     WHERE business_id = %(business_id)s AND conversation_id = ANY (%(conversations)s::bigint[])
), unsent AS (
    DELETE FROM hosting_outgoing o USING of_person p
     WHERE o.business_id = %(business_id)s AND o.message_id = p.id
), unpriced AS (
    UPDATE hosting_delivery d
       SET recipient = left(recipient, 7) || repeat('0', greatest(length(recipient) - 7, 0))
      FROM of_person p WHERE d.business_id = %(business_id)s AND d.message_id = p.id
), calls AS (
    DELETE FROM hosting_webhookcall c
     WHERE c.business_id = %(business_id)s
       AND c.conversation_id = ANY (%(conversations)s::bigint[])
), parked AS (
    DELETE FROM hosting_parkedstatus s
     WHERE s.business_id = %(business_id)s AND s.recipient = ANY (%(needles)s::text[])
), blocks AS (
    DELETE FROM hosting_block WHERE business_id = %(business_id)s AND wa_id = ANY (%(numbers)s::text[])
), lists AS (
    DELETE FROM hosting_broadcastrecipient WHERE business_id = %(business_id)s AND wa_id = ANY (%(numbers)s::text[])
), refused AS (
    DELETE FROM hosting_rejectedsend WHERE business_id = %(business_id)s AND wa_id = ANY (%(needles)s::text[])
), phones AS (
    DELETE FROM hosting_simulatedphone WHERE business_id = %(business_id)s AND wa_id = ANY (%(numbers)s::text[])
), former AS (
    DELETE FROM hosting_formernumber WHERE business_id = %(business_id)s AND contact_id = %(contact_id)s
), gone AS (
    DELETE FROM hosting_message m USING of_person p
     WHERE m.business_id = %(business_id)s AND m.id = p.id RETURNING m.id
)
SELECT count(*) FROM gone
