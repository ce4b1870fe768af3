-- Promises: past messages get ids below those of live ones, in the order in which they are written.
-- So the order of ids stays the order of time in every thread and list that pages by id, and a
-- history that is brought in late lies above what was said here.
CREATE SEQUENCE hosting_imported_message_id AS bigint;
SELECT setval(pg_get_serial_sequence('hosting_message', 'id'), 1000000000000, false);
