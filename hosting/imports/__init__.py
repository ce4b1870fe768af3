"""Imports of past conversations from files."""
