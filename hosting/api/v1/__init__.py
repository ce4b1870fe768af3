"""Parley's REST API of hosting; its base classes are in `accounts.api`."""
