"""Django signal for apps above hosting."""

from django.dispatch import Signal

# Sent after commit with `business_ids`: the set of businesses that received messages.
message_received = Signal()
