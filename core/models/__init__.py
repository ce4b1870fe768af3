"""Rows of mechanisms that every app uses."""

from core.models.emails import Email
from core.models.heartbeats import Heartbeat

__all__ = ["Email", "Heartbeat"]
