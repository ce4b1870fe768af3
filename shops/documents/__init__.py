"""Documents for buyers."""
