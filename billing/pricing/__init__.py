"""The price of messages: explained, quoted, estimated, analysed."""
