"""`manage.py migrate` with the role that owns the tables; the application's role does not."""

from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate


class Command(DjangoMigrate):
    """Django's migrate with other defaults: the database alias `owner`, and no system checks.

    The checks import every view and take a quarter of the time of a first migrate; `make lint`
    runs them.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        """Set the defaults of --database and --skip-checks."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner", skip_checks=True)
