"""Orders in the chat: intake, updates, addresses and product messages."""
