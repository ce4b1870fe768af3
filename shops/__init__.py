"""What was sold: catalogues, carts, and orders made in the chat."""
