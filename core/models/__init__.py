"""Rows of mechanisms that every app uses."""

from core.models.emails import Email

__all__ = ["Email"]
