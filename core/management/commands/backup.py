"""`manage.py backup FILE`: write database and files of one moment to an archive."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import backup


class Command(BaseCommand):
    """Writes a backup while the application runs."""

    help = "Write database and files of one moment into one archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file to write."""
        parser.add_argument(
            "file", type=Path, help="the archive to write, such as parley-2026-11-23.tar"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the archive and print what it contains."""
        try:
            made = backup.back_up(options["file"])
        except (backup.BackupError, OSError) as error:
            raise CommandError(str(error)) from None
        size = options["file"].stat().st_size
        self.stdout.write(
            f"{options['file']}: {sum(made.rows.values()):,} rows, {len(made.parts) - 1:,} files,"
            f" {size:,} bytes."
        )
