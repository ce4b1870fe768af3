"""Flows: forms of several screens inside the chat."""
