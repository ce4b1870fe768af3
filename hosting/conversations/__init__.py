"""Conversations as the inbox shows them, and teamwork on them."""
