"""Operations of migrations: SQL files, and the base class of an app's first migration."""

from pathlib import Path
from typing import TYPE_CHECKING

from django.db import migrations

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.migrations.state import ProjectState

ROOT = Path(__file__).resolve().parent.parent


def schema_files(app: str, *names: str) -> migrations.RunSQL:
    """Operation that runs the files `<app>/sql/schema/<name>.sql` in the order given.

    Such a file belongs to one migration and is never edited after a release. The operation cannot
    be reversed.
    """
    return migrations.RunSQL([schema_file(app, name) for name in names])


def schema_file(app: str, name: str) -> str:
    """Text of `<app>/sql/schema/<name>.sql`."""
    return (ROOT / app / "sql" / "schema" / f"{name}.sql").read_text(encoding="utf-8")


class InitialMigration(migrations.Migration):
    """First migration of an app: creates its tables as they are after the last operation.

    Django renders the classes of all related models after every operation, 15,000 of them here,
    which takes most of the time of a first `migrate`. No table exists yet, so nothing depends on
    the states between operations. `makemigrations` gives first migrations this base.
    """

    def apply(
        self,
        project_state: "ProjectState",
        schema_editor: "BaseDatabaseSchemaEditor",
        collect_sql: bool = False,
    ) -> "ProjectState":
        """Create the tables; returns the state after the last operation.

        Raises ValueError for operations that are not in CREATE_TABLES.
        """
        after = project_state.clone()
        after.__dict__.pop("apps", None)
        for operation in self.operations:
            if not isinstance(operation, CREATE_TABLES):
                raise ValueError(f"{self}: {operation.describe()} belongs in a later migration.")
            operation.state_forwards(self.app_label, after)
        # The classes are rendered once, below, and are complete.
        after.is_delayed = False
        for operation in self.operations:
            # Fields, constraints and indexes of later operations are part of the model already.
            if isinstance(operation, migrations.CreateModel):
                operation.database_forwards(self.app_label, schema_editor, project_state, after)
        return after


CREATE_TABLES = (
    migrations.CreateModel,
    migrations.AddField,
    migrations.AddIndex,
    migrations.AddConstraint,
)
