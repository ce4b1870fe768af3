"""Prices of messages: explanation, quote, estimate, analytics."""
