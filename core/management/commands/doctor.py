"""`manage.py doctor`: what is wrong with this installation, and what to do about it."""

from typing import Any

from django.core.management.base import BaseCommand

from core.doctor import Level, examine

SIGNS = {Level.GOOD: "ok", Level.WARNING: "warning", Level.BAD: "BAD"}


class Command(BaseCommand):
    """Examines versions, disk, secrets, servers, mail, storage and address."""

    help = "Say what is wrong with this installation, with a mend for each."
    # It also runs where the database does not.
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each examination; exit code 1 where one of them is bad."""
        found = examine()
        width = max(len(name) for name, _ in found)
        for name, finding in found:
            self.stdout.write(f"{SIGNS[finding.level]:8}{name:{width}}  {finding.text}")
            if finding.mend:
                self.stdout.write(f"{'':8}{'':{width}}  -> {finding.mend}")
        problems = sum(finding.level is Level.BAD for _, finding in found)
        if problems:
            self.stderr.write(f"{problems} of {len(found)} examinations are bad.")
            raise SystemExit(1)
        self.stdout.write(f"{len(found)} examinations: nothing is bad.")
