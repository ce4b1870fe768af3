"""How a message leaves: one module per network."""
