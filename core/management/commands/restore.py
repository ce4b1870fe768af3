"""`manage.py restore FILE [--verify]`: restore an archive into an empty database and storage."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import backup


class Command(BaseCommand):
    """Restores a backup; refuses a damaged archive and a database that is not empty."""

    help = (
        "Restore a backup into an empty database; --verify recounts the books, --check only reads"
        " the archive."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, and what to verify."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--verify", action="store_true", help="recount the ledger and every invoice afterwards"
        )
        parser.add_argument("--check", action="store_true", help="read the archive, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify the archive, restore it, and recount the books where --verify is given."""
        try:
            if options["check"]:
                found = backup.read_archive(options["file"])
                self.stdout.write(
                    f"Whole: {sum(found.rows.values()):,} rows, {len(found.parts) - 1:,} files."
                )
                return
            found = backup.restore(options["file"])
        except (backup.BackupError, OSError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"Restored: {sum(found.rows.values()):,} rows, {len(found.parts) - 1:,} files."
        )
        if options["verify"]:
            wrong = backup.differences()
            for line in wrong:
                self.stderr.write(line)
            if wrong:
                raise CommandError(f"The books do not agree: {len(wrong)} differences.")
            self.stdout.write("The books agree: every charge, tally and invoice was recounted.")
