"""Chats as files: WhatsApp's "Export chat", archives with media, and Parley's own JSON Lines and CSV; no database."""
