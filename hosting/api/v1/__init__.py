"""REST API of hosting at /api/v1/ (see `accounts.api`)."""
