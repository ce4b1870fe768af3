"""Erasure, copies of personal data, legal holds, and retention."""
