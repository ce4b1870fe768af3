"""Formats of the Cloud API: bytes and JSON parsed into dataclasses, and built from them.

No database.
"""
