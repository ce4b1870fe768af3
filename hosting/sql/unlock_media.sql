-- Promises: customers' files that were locked for want of room can be read as soon as there is room, the oldest first,
-- whoever asks and how often. Input: `business_id`, or NULL for all. Output: business and media id of each.
WITH held AS MATERIALIZED (
    SELECT s.business_id, s.bytes FROM hosting_storage s
     WHERE (%(business_id)s::bigint IS NULL OR s.business_id = %(business_id)s::bigint)
       AND s.business_id IN (SELECT business_id FROM hosting_media WHERE locked_until IS NOT NULL AND deleted_at IS NULL)
     ORDER BY s.business_id FOR UPDATE
), waiting AS (
    SELECT m.business_id, m.id, h.bytes + sum(m.size) OVER (PARTITION BY m.business_id ORDER BY m.id) AS bytes, p.media_megabytes
      FROM held h
      JOIN accounts_business b ON b.id = h.business_id
      JOIN accounts_plan p ON p.code = b.plan_id
      JOIN hosting_media m ON m.business_id = h.business_id AND m.locked_until IS NOT NULL AND m.deleted_at IS NULL
)
UPDATE hosting_media m SET is_ready = true, locked_until = NULL
  FROM waiting w
 WHERE m.business_id = w.business_id AND m.id = w.id AND (w.media_megabytes IS NULL OR w.bytes <= w.media_megabytes * 1000000::bigint)
RETURNING m.business_id, m.media_id
