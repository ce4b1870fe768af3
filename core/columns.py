"""Lists read as columns: what a serializer shows, taken by one query without building models.

A page of 50 messages with their conversation, number and contact is 200 model objects, each
with every column of its table, encrypted ones too. The list needs a few of them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework.serializers import ModelSerializer

# Name -> look-up, or the names of a nested object.
Columns = Mapping[str, "str | Columns"]
Row = dict[str, Any]


def columns_of(serializer: ModelSerializer[Any], prefix: str = "") -> Columns:
    """Names that a serializer shows with their look-ups from the model of its list.

    A `source` of "number.name" is the look-up `number__name`. Fields that are no columns (methods,
    properties) must be computed by the list; see `as_objects`.
    """
    found: dict[str, str | Columns] = {}
    for name, field in serializer.fields.items():
        if field.write_only:
            continue
        look_up = prefix + (field.source or name).replace(".", "__")
        if isinstance(field, ModelSerializer):
            found[name] = columns_of(field, f"{look_up}__")
        else:
            found[name] = look_up
    return found


def read(
    rows: QuerySet[Any], columns: Columns, computed: Iterable[str] = (), *more: str
) -> QuerySet[Any, Row]:
    """The rows as dicts by look-up: these columns without the `computed` ones, and `more`."""
    shown = {name: found for name, found in columns.items() if name not in set(computed)}
    return rows.select_related(None).values(*dict.fromkeys([*_look_ups(shown), *more]))


def as_objects(
    rows: Iterable[Row], columns: Columns, computed: Mapping[str, Callable[[Row], Any]]
) -> list[Row]:
    """The objects of a list from rows that `read` found.

    `computed` gives members of the outermost object by name, from the row.
    """
    return [_object(row, columns, computed) for row in rows]


def _object(
    row: Row, columns: Columns, computed: Mapping[str, Callable[[Row], Any]]
) -> dict[str, Any]:
    return {
        name: computed[name](row)
        if name in computed
        else row[found]
        if isinstance(found, str)
        else _object(row, found, {})
        for name, found in columns.items()
    }


def _look_ups(columns: Columns) -> Iterable[str]:
    for found in columns.values():
        if isinstance(found, str):
            yield found
        else:
            yield from _look_ups(found)
