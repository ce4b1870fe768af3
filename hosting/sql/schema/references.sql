-- Promises: what hangs on a conversation, a broadcast or a label is of the same business, whatever
-- a query gets wrong; what a locked message says, and what a phone has blocked, go when message or
-- phone go, whichever way.
ALTER TABLE hosting_message
    ADD CONSTRAINT message_in_conversation_of_business FOREIGN KEY (business_id, conversation_id)
        REFERENCES hosting_conversation (business_id, id);
ALTER TABLE hosting_conversationlabel
    ADD CONSTRAINT labelled_conversation_of_business FOREIGN KEY (business_id, conversation_id)
        REFERENCES hosting_conversation (business_id, id) ON DELETE CASCADE,
    ADD CONSTRAINT label_of_same_business FOREIGN KEY (business_id, label_id)
        REFERENCES hosting_label (business_id, id) ON DELETE CASCADE;
ALTER TABLE hosting_note
    ADD CONSTRAINT noted_conversation_of_business FOREIGN KEY (business_id, conversation_id)
        REFERENCES hosting_conversation (business_id, id) ON DELETE CASCADE;
ALTER TABLE hosting_broadcastrecipient
    ADD CONSTRAINT recipient_of_business FOREIGN KEY (business_id, broadcast_id)
        REFERENCES hosting_broadcast (business_id, id) ON DELETE CASCADE;
ALTER TABLE hosting_lockedmessage
    ADD CONSTRAINT locked_message FOREIGN KEY (message_id) REFERENCES hosting_message (id) ON DELETE CASCADE;
ALTER TABLE hosting_handsetblock
    ADD CONSTRAINT block_of_handset FOREIGN KEY (handset_id) REFERENCES hosting_handset (id) ON DELETE CASCADE;
