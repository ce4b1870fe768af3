"""Shops: catalogues, carts, orders made in the chat, and buyers' payments."""
