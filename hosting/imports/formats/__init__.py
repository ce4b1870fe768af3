"""File formats of conversations: WhatsApp's "Export chat", archives, our JSON Lines and CSV.

No database.
"""
