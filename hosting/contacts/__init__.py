"""Contacts: identity, changed phone numbers, merging."""
