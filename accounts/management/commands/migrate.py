"""`manage.py migrate`: as the owner of the tables, which the application itself is not."""

import gc
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate


class Command(DjangoMigrate):
    """Django's migrate, on the database alias `owner` unless told otherwise."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Change one default."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run Django's own."""
        # It makes model classes by the ten thousand: looking for dead ones after every few was a third of its time.
        thresholds = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(200_000, 20, 100)
        try:
            super().handle(*args, **options)
        finally:
            gc.set_threshold(*thresholds)
            gc.unfreeze()
