"""Papers for buyers."""
