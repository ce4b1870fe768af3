-- Promises: what a phone has blocked goes when the phone goes, whichever way: erasure of its customer, or by hand.
ALTER TABLE hosting_handsetblock
    ADD CONSTRAINT block_of_handset FOREIGN KEY (handset_id) REFERENCES hosting_handset (id) ON DELETE CASCADE;
