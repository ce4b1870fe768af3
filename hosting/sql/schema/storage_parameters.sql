-- Promises: busy tables are vacuumed by count, not by share, because their rows come and go; tables
-- whose rows are updated in place keep room for that on each page (HOT updates).
ALTER TABLE hosting_outgoing SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE hosting_delivery SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE hosting_webhookcall SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE hosting_conversation SET (fillfactor = 80);
ALTER TABLE hosting_hostedcount SET (fillfactor = 50);
