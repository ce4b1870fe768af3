"""Exports of conversations."""
