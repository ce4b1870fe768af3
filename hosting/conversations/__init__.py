"""Conversations: the inbox list, threads and teamwork."""
