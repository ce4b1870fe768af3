"""Billing for programs: JSON by API key, and the door of the payment network."""
