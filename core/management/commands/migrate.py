"""`manage.py migrate`: as the owner of the tables, which the application itself is not."""

from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate


class Command(DjangoMigrate):
    """Django's migrate, with other defaults: the database alias `owner`, and no checks of the code.

    The checks import every page and take a quarter of the time of a first migrate; `make lint` runs them.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        """Change two defaults."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner", skip_checks=True)
