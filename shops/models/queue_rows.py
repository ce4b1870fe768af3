"""Query set of queue rows: open, dead and retried ones."""

from typing import Any, Self

from django.db import models
from django.db.models.functions import Now

# After so many attempts a row is a dead letter.
MAX_ATTEMPTS = 5


class Waiting(models.QuerySet[Any]):
    """Rows of a queue; the model's `OPEN` is the filter of rows that are not done."""

    def still_open(self) -> Self:
        """Rows that are not done: waiting or dead."""
        return self.filter(**self.model.OPEN)

    def dead(self) -> Self:
        """Dead letters: rows that reached the maximum of attempts."""
        return self.still_open().filter(attempts__gte=MAX_ATTEMPTS)

    def again(self) -> int:
        """Make dead letters due at once; returns their number. Call inside a scope."""
        return self.dead().update(attempts=0, not_before=Now(), last_error="")
