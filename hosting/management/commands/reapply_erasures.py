"""`manage.py reapply_erasures`: after a restore, forget again who had been forgotten."""

from typing import Any

from django.core.management.base import BaseCommand

from hosting.privacy import erasure


class Command(BaseCommand):
    """Run it once after each restore, before anybody works with the data."""

    help = "After a restore: forget again every customer who had been forgotten."

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask for all of them, and do it."""
        found = erasure.reapply()
        done = 0
        while count := erasure.erase_due():
            done += count
        self.stdout.write(f"{found} forgotten customers were back; {done} are forgotten again.")
