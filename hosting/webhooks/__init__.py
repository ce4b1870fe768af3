"""Webhooks of businesses: subscriptions, the outbox of calls, their delivery."""
