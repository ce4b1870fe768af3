"""The audit log: recording changes and reading them."""
