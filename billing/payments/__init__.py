"""Payments of invoices: Stripe, settlement, dunning, payment links."""
