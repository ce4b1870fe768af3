-- Promises: what a locked message says goes when the message goes, whichever way: retention, erasure, or by hand.
ALTER TABLE hosting_lockedmessage
    ADD CONSTRAINT locked_message FOREIGN KEY (message_id) REFERENCES hosting_message (id) ON DELETE CASCADE;
