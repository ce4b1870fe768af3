"""Plan limits: usage, quota checks, locked messages, notices."""
