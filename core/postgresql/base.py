"""The backend that `DATABASES` names."""

from django.db.backends.postgresql import base, features
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


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL with these features."""

    features_class = DatabaseFeatures
