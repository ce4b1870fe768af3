"""`manage.py backup FILE`: write database and files of one moment to an archive."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import backup
from core.encrypted_stream import new_key


class Command(BaseCommand):
    """Writes a backup while the application runs."""

    help = "Write database and files of one moment into one encrypted archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file to write."""
        parser.add_argument(
            "file", type=Path, nargs="?", help="the archive to write, such as parley-2026-11-23.bak"
        )
        parser.add_argument(
            "--new-key", action="store_true", help="print a new PARLEY_BACKUP_KEY, write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the archive and print what it contains."""
        if options["new_key"]:
            self.stdout.write(new_key())
            return
        if options["file"] is None:
            raise CommandError("Name the file to write.")
        try:
            made = backup.back_up(options["file"])
        except (backup.BackupError, OSError) as error:
            raise CommandError(str(error)) from None
        size = options["file"].stat().st_size
        self.stdout.write(
            f"{options['file']}: {sum(made.rows.values()):,} rows, {len(made.parts) - 1:,} files,"
            f" {size:,} bytes."
        )
