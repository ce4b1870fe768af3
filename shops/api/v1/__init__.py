"""REST API of shops at /api/v1/ (see `accounts.api`)."""
