"""Rows that wait to be done: what open and dead means for a queue, and letting dead ones try again."""

from typing import Any, Self

from django.db import models
from django.db.models.functions import Now

# After so many attempts a row is a dead letter.
MAX_ATTEMPTS = 5


class Waiting(models.QuerySet[Any]):
    """Sets of rows of a queue; the model's `OPEN` says which are not done yet."""

    def still_open(self) -> Self:
        """Not done: waiting, or given up."""
        return self.filter(**self.model.OPEN)

    def dead(self) -> Self:
        """Given up."""
        return self.still_open().filter(attempts__gte=MAX_ATTEMPTS)

    def again(self) -> int:
        """Let those that gave up try again at once; returns how many. Call inside a scope."""
        return self.dead().update(attempts=0, not_before=Now(), last_error="")
