-- Promises: a recipient stands only in a broadcast of its own business, whatever a query gets wrong.
ALTER TABLE hosting_broadcastrecipient
    ADD CONSTRAINT recipient_of_business FOREIGN KEY (business_id, broadcast_id)
        REFERENCES hosting_broadcast (business_id, id) ON DELETE CASCADE;
