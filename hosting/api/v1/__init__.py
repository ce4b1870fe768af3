"""Parley's own REST API: what is hosted, for programs. Its frame is `accounts.api`."""
