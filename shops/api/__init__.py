"""REST API of shops."""
