"""Selling inside the chat: order intake, order updates, addresses, product messages."""
