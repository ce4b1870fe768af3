"""Orders: placing, totals, fulfilment."""
