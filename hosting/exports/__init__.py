"""Exports of conversations into files."""
