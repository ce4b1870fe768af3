"""`manage.py migrate` with the role that owns the tables; the application's role does not."""

import gc
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate


class Command(DjangoMigrate):
    """Django's migrate on the database alias `owner`, unless --database names another."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Change the default of --database."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run Django's migrate with a less eager garbage collector."""
        # It makes model classes by the ten thousand: looking for dead ones after every few was a third of its time.
        thresholds = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(200_000, 20, 100)
        try:
            super().handle(*args, **options)
        finally:
            gc.set_threshold(*thresholds)
            gc.unfreeze()
