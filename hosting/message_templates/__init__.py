"""Message templates: lifecycle, review, and synchronisation with an upstream."""
