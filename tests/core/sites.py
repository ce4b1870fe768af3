"""Where rows of queues are planted."""

from dataclasses import dataclass

from hosting.models import Number
from tests.hosting.receivers import Receiver


@dataclass(frozen=True)
class Site:
    """A business's number, and the servers of others that it talks to."""

    number: Number
    server: Receiver
