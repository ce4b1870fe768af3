"""The backend that `DATABASES` names."""

from typing import Any

from django.db.backends.postgresql import base, features, operations
from django.db.models import Model


class DatabaseFeatures(features.DatabaseFeatures):
    """PostgreSQL's features, less one on tenant tables."""

    def allows_group_by_selected_pks_on_model(self, model: type[Model]) -> bool:
        """Whether a query may group by the model's key alone and still select its other columns.

        PostgreSQL allows that for a primary key only. That of a tenant table is (business_id, id)
        in the database, where Django believes `id`.
        """
        is_tenant = any(
            field.column == "business_id" for field in model._meta.local_concrete_fields
        )
        return not is_tenant and bool(super().allows_group_by_selected_pks_on_model(model))


class DatabaseOperations(operations.DatabaseOperations):
    """PostgreSQL's operations, with a text for every statement."""

    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> str:
        """The statement as executed; as written where its parameters are the server's to fill."""
        return super().last_executed_query(cursor, sql, params) or str(sql)


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL with these features and operations."""

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
