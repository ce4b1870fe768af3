"""Message templates: lifecycle, review, synchronisation with an upstream."""
