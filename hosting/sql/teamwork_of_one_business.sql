-- Promises: a label or note stands only on a conversation of its own business, whatever a query gets wrong.
ALTER TABLE hosting_conversationlabel
    ADD CONSTRAINT labelled_conversation_of_business FOREIGN KEY (business_id, conversation_id)
        REFERENCES hosting_conversation (business_id, id) ON DELETE CASCADE,
    ADD CONSTRAINT label_of_same_business FOREIGN KEY (business_id, label_id)
        REFERENCES hosting_label (business_id, id) ON DELETE CASCADE;
ALTER TABLE hosting_note
    ADD CONSTRAINT noted_conversation_of_business FOREIGN KEY (business_id, conversation_id)
        REFERENCES hosting_conversation (business_id, id) ON DELETE CASCADE;
