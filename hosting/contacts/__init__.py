"""Customers: their identity and changes of their numbers."""
