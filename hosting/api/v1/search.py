"""`/api/v1/search/`: full-text search over all messages of the business."""

from typing import Any, cast

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from accounts.api import BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from core.paging import KeysetPagination, cursor_of, read_cursor
from hosting.api.v1.serializers import EXAMPLE_MESSAGE, MessageSerializer
from hosting.models import Direction, Message
from hosting.search.engine import Position, search
from hosting.search.filters import search_filters

ORDER = ("-created_at", "-id")
PAGE = inline_serializer(
    "SearchPage",
    {
        "data": inline_serializer(
            "SearchHit",
            {
                "message": MessageSerializer(),
                "spans": serializers.ListField(
                    child=serializers.ListField(
                        child=serializers.IntegerField(), min_length=2, max_length=2
                    ),
                    help_text="[start, end] of each hit in `text`, in characters.",
                ),
            },
            many=True,
        ),
        "next": serializers.CharField(allow_null=True),
    },
)


class Search(BusinessAPIView):
    """Full-text search over all messages."""

    required_scope = KeyScope.READ
    query_fields = ("q", "number", "contact", "direction", "kind", "since", "until")
    number_path = ""
    pagination_class: Any = None

    @extend_schema(
        operation_id="search",
        parameters=[
            OpenApiParameter(
                "q",
                str,
                description='Words (all must occur), "a phrase", prefix*, -excluded; any script.',
            ),
            OpenApiParameter("number", str, description="phone_number_id"),
            OpenApiParameter("contact", str, description="wa_id of the customer"),
            OpenApiParameter("direction", str, enum=list(Direction.values)),
            OpenApiParameter("kind", str, description="text, image, template …"),
            OpenApiParameter("since", str, description="A day, or a moment with zone."),
            OpenApiParameter(
                "until", str, description="A day (it counts too), or a moment with zone."
            ),
            *(
                OpenApiParameter(one["name"], int if one["name"] == "limit" else str)
                for one in KeysetPagination().get_schema_operation_parameters(cast(Any, None))
            ),
        ],
        responses=PAGE,
        examples=[
            OpenApiExample(
                "A page", {"data": [{"message": EXAMPLE_MESSAGE, "spans": [[5, 10]]}], "next": None}
            ),
        ],
    )
    def get(self, request: BusinessAPIRequest) -> Response:
        """Messages that contain all words and match the filters, newest first."""
        asked = request.query_params
        found = search(
            business=request.business,
            words=asked.get("q", "")[:1000],
            filters=search_filters(request.business, asked, within=request.user.number_ids),
            below=_below(asked.get("after", "")),
            limit=KeysetPagination()._limit(request),
        )
        hits = [
            {"message": MessageSerializer(hit.message).data, "spans": hit.spans}
            for hit in found.hits
        ]
        last = Message(created_at=found.next[0], pk=found.next[1]) if found.next else None
        return Response({"data": hits, "next": cursor_of(last, ORDER) if last else None})


def _below(after: str) -> Position | None:
    if not after:
        return None
    try:
        at, pk = read_cursor(after, Message.objects.all(), ORDER)
    except ValueError:
        raise ValidationError({"after": "Not a cursor of this list."}) from None
    return at, pk
