"""Base of what requests to the REST API are read by: a field that there is not is refused."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer of requests: an unknown field is an error of that field, and nothing is done.

    A misspelt field would otherwise be left out in silence: a filter gave everything.
    """

    def to_internal_value(self, data: Any) -> Any:
        """The validated data; raises ValidationError naming the first unknown field."""
        if isinstance(data, Mapping):
            for name in data:
                if name not in self.fields:
                    known = ", ".join(self.fields)
                    raise serializers.ValidationError(
                        {str(name)[:80]: f"There is no such field; there are: {known}."},
                        code="unknown_field",
                    )
        return super().to_internal_value(data)
