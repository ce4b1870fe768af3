"""Python client of Parley's REST API."""

from .client import ApiError, Parley, is_signed
from .objects import Contact, Conversation, Hit, Media, Message

__all__ = [
    "ApiError",
    "Contact",
    "Conversation",
    "Hit",
    "Media",
    "Message",
    "Parley",
    "is_signed",
]
