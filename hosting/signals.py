"""The project's one signal; its receivers only wake workers."""

from django.dispatch import Signal

# Sent after commit with `business_ids`: the set of businesses that received messages.
message_received = Signal()
