"""`/api/v1/media/…`: list, upload, look up and delete files."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from accounts.api import BusinessAPIMixin, BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from accounts.plans import limits
from core.errors import BadInput
from hosting.media import store
from hosting.models import Media


class MediaSerializer(serializers.ModelSerializer[Media]):
    """A file."""

    id = serializers.CharField(source="media_id", read_only=True)
    url = serializers.SerializerMethodField(
        help_text="Its content, for five minutes and without a key."
    )

    class Meta:
        model = Media
        fields = ("id", "mime_type", "size", "sha256", "filename", "created_at", "url")
        read_only_fields = fields

    def get_url(self, media: Media) -> str:
        """A signed URL."""
        return store.signed_url(media)


class MediaUploadSerializer(serializers.Serializer[Any]):
    """A file to upload."""

    file = serializers.FileField()
    type = serializers.CharField(required=False, help_text="Its MIME type, such as image/jpeg.")


class MediaList(BusinessAPIMixin, ListAPIView[Media]):
    """Files of the business."""

    queryset = Media.objects.live()
    serializer_class = MediaSerializer
    parser_classes = (MultiPartParser,)
    required_scope = KeyScope.READ
    changing_scope = KeyScope.MESSAGES

    def get_queryset(self) -> QuerySet[Media]:
        """Return the business's files without deleted ones and those of locked messages."""
        return store.readable().filter(business_id=self.request.business.pk)

    @extend_schema(
        request={"multipart/form-data": MediaUploadSerializer}, responses={201: MediaSerializer}
    )
    def post(self, request: BusinessAPIRequest) -> Response:
        """Upload a file; its id can be sent as often as you like."""
        held = request.FILES.get("file")
        if held is None:
            raise BadInput("file is required.", field="file")
        limits.check_uploads(request.business)
        claimed = str(request.POST.get("type") or held.content_type or "")
        media = store.store_media(
            business=request.business, content=held, mime_type=claimed, filename=held.name or ""
        )
        return Response(MediaSerializer(media).data, status=201)


class MediaById(BusinessAPIView):
    """One file."""

    serializer_class = MediaSerializer
    pagination_class: Any = None
    required_scope = KeyScope.READ
    changing_scope = KeyScope.MESSAGES

    def get(self, request: BusinessAPIRequest, media_id: str) -> Response:
        """Its type and size, and a link to its content that is valid for five minutes."""
        return Response(MediaSerializer(self._own(request, media_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: BusinessAPIRequest, media_id: str) -> Response:
        """Delete it: its id at once, its content within days."""
        store.delete_media(self._own(request, media_id))
        return Response(status=204)

    @staticmethod
    def _own(request: BusinessAPIRequest, media_id: str) -> Media:
        return get_object_or_404(
            store.readable().filter(business=request.business), media_id=media_id
        )
