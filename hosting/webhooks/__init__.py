"""Webhooks of a business: subscriptions, the outbox of calls, and their delivery."""
