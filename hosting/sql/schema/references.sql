-- Promises: a message is in a conversation of its own business, and its contact is that of the conversation, also when
-- two contacts are merged while messages are written. What hangs on a conversation, a label,
-- a broadcast, a message or a phone goes with it, whichever way it is deleted.
ALTER TABLE hosting_conversation
    ADD CONSTRAINT contact_of_conversation UNIQUE (business_id, id, contact_id);
ALTER TABLE hosting_message
    ADD CONSTRAINT message_in_conversation_of_business FOREIGN KEY (business_id, conversation_id, contact_id)
        REFERENCES hosting_conversation (business_id, id, contact_id) ON UPDATE CASCADE;
ALTER TABLE hosting_lockedmessage
    ADD CONSTRAINT locked_message FOREIGN KEY (business_id, message_id)
        REFERENCES hosting_message (business_id, id) ON DELETE CASCADE;
ALTER TABLE hosting_simulatedphoneblock
    ADD CONSTRAINT block_of_simulated_phone FOREIGN KEY (business_id, simulated_phone_id)
        REFERENCES hosting_simulatedphone (business_id, id) ON DELETE CASCADE;
SELECT core_delete_with('hosting_conversationlabel', 'conversation_id'),
       core_delete_with('hosting_conversationlabel', 'label_id'),
       core_delete_with('hosting_note', 'conversation_id'),
       core_delete_with('hosting_activity', 'conversation_id'),
       core_delete_with('hosting_mention', 'conversation_id'),
       core_delete_with('hosting_broadcastrecipient', 'broadcast_id');
