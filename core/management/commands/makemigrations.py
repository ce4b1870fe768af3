"""`manage.py makemigrations`: first migrations get `InitialMigration` as their base class."""

from pathlib import Path
from typing import Any

from django.core.management.commands.makemigrations import Command as DjangoMakeMigrations
from django.db.migrations import Migration
from django.db.migrations.writer import MigrationWriter


class Command(DjangoMakeMigrations):
    """Django's makemigrations; see `core.schema.InitialMigration`."""

    def write_migration_files(
        self, changes: dict[str, list[Migration]], *args: Any, **options: Any
    ) -> None:
        """Write the files, and change the base class of those that are an app's first."""
        super().write_migration_files(changes, *args, **options)
        if self.dry_run:
            return
        for migration in (one for made in changes.values() for one in made if one.initial):
            path = Path(MigrationWriter(migration).path)
            text = path.read_text(encoding="utf-8")
            text = text.replace(
                "\n\n\nclass Migration(migrations.Migration):",
                "\n\n\nclass Migration(InitialMigration):",
            )
            text = text.replace(
                "from django.db import migrations",
                "from core.schema import InitialMigration\nfrom django.db import migrations",
                1,
            )
            path.write_text(text, encoding="utf-8")
