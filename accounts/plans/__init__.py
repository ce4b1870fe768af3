"""Plans of businesses: how they change, what is used of them, and their limits."""
