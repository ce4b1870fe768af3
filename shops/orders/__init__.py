"""Placing, totals and fulfilment of orders."""
