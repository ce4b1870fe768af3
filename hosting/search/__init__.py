"""Full-text search over a business's messages."""
