"""REST API of billing at /api/v1/ (see `accounts.api`)."""
