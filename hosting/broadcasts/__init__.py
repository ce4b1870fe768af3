"""Broadcasts: recipient lists, drafts, sending, reports."""
