"""Broadcasts: recipients, drafts, sending, and the report."""
