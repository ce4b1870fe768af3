"""Invoices: drafts, closing a month, credit notes, tax."""
