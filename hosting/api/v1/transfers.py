"""`/api/v1/imports/` and `/api/v1/exports/`: past conversations in and out."""

import uuid

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from accounts.api import BusinessAPIMixin, BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from core.serializers import StrictSerializer
from core.wake import notify
from hosting import tasks
from hosting.exports import jobs
from hosting.imports import jobs as imports_jobs
from hosting.models import ChatExport, ChatImport


class ImportSerializer(serializers.ModelSerializer[ChatImport]):
    """An import: its `preview`, the `questions` to answer, its progress."""

    id = serializers.UUIDField(source="public_id")
    number = serializers.CharField(
        source="number.phone_number_id", default=None, help_text="Its phone_number_id."
    )
    questions = serializers.SerializerMethodField()
    skipped = serializers.IntegerField(help_text="Messages that were there already.")
    percent = serializers.IntegerField()
    seconds_left = serializers.IntegerField(allow_null=True, help_text="An estimate.")

    class Meta:
        """What is shown."""

        model = ChatImport
        fields = (
            "id", "filename", "source", "size", "state", "error", "preview", "questions", "answers",
            "number", "total", "processed", "added", "skipped", "files_added", "refused", "percent",
            "seconds_left", "created_at", "finished_at",
        )  # fmt: skip

    def get_questions(self, job: ChatImport) -> list[str]:
        """Names of the answers that `start` takes."""
        return imports_jobs.questions(job) if job.state == ChatImport.State.READY else []


class ChatUploadSerializer(StrictSerializer):
    """A file to import."""

    file = serializers.FileField(
        help_text="Export chat as .txt or .zip, or a file of ours; 500 MB at most."
    )


class AnswersSerializer(StrictSerializer):
    """Answers to the questions; omitted ones are taken from `preview.guess`."""

    number = serializers.CharField(
        required=False, help_text="phone_number_id of the business's number."
    )
    business_senders = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Names of the senders who are the business.",
    )
    contact = serializers.CharField(required=False, help_text="The customer's phone number.")
    day_order = serializers.ChoiceField(choices=["dmy", "mdy", "ymd"], required=False)
    time_zone = serializers.CharField(
        required=False, help_text="Of the phone, such as Europe/Berlin."
    )


class Imports(BusinessAPIMixin, ListAPIView[ChatImport]):
    """Imports, newest first; POST uploads a file and analyses it."""

    required_scope = KeyScope.MESSAGES
    queryset = ChatImport.objects.select_related("number")
    serializer_class = ImportSerializer
    parser_classes = (MultiPartParser,)

    @extend_schema(request=ChatUploadSerializer, responses={201: ImportSerializer})
    def post(self, request: BusinessAPIRequest) -> Response:
        """Upload a file; 400 says what is wrong with it, and nothing is stored then."""
        given = ChatUploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        file = given.validated_data["file"]
        job = imports_jobs.create_import(
            business=request.business, author=None, file=file.file, filename=file.name or ""
        )
        notify(tasks.move_history)
        return Response(ImportSerializer(job).data, status=201)


class ImportById(BusinessAPIMixin, RetrieveAPIView[ChatImport]):
    """One import."""

    required_scope = KeyScope.MESSAGES
    queryset = ChatImport.objects.select_related("number")
    serializer_class = ImportSerializer
    lookup_field = "public_id"


class _ImportAction(BusinessAPIView):
    required_scope = KeyScope.MESSAGES
    serializer_class = ImportSerializer

    def answered(self, request: BusinessAPIRequest, job: ChatImport) -> Response:
        notify(tasks.move_history)
        return Response(
            ImportSerializer(imports_jobs.get_import(request.business, job.public_id)).data
        )


class StartImport(_ImportAction):
    """Answer the questions of an import that is `ready`, and start it."""

    @extend_schema(
        request=AnswersSerializer,
        responses=ImportSerializer,
        examples=[
            OpenApiExample(
                "A chat",
                {"contact": "+49 151 2345678", "business_senders": ["Bakery"]},
                request_only=True,
            )
        ],
    )
    def post(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Start it; 400 names a missing or wrong answer, 409 means that it waits for none."""
        job = imports_jobs.get_import(request.business, public_id)
        given = AnswersSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        imports_jobs.start_import(job=job, answers=given.validated_data)
        return self.answered(request, job)


class CancelImport(_ImportAction):
    """Stop an import where it is."""

    @extend_schema(request=None, responses=ImportSerializer)
    def post(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Stop; what is in stays until it is taken back. 409 when it has ended."""
        job = imports_jobs.get_import(request.business, public_id)
        imports_jobs.cancel(job=job)
        return self.answered(request, job)


class UndoImport(_ImportAction):
    """Undo an import."""

    @extend_schema(request=None, responses=ImportSerializer)
    def post(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Delete in the background what it added; 409 when there is nothing to undo."""
        job = imports_jobs.get_import(request.business, public_id)
        imports_jobs.undo(job=job)
        return self.answered(request, job)


class ExportSerializer(serializers.ModelSerializer[ChatExport]):
    """An export; `download_url` is valid for an hour, the file is kept until `expires_at`."""

    id = serializers.UUIDField(source="public_id")
    percent = serializers.IntegerField()
    seconds_left = serializers.IntegerField(allow_null=True, help_text="An estimate.")
    download_url = serializers.SerializerMethodField()

    class Meta:
        """What is shown."""

        model = ChatExport
        fields = (
            "id", "title", "format", "has_media", "since", "until", "state", "error", "total",
            "processed", "percent", "seconds_left", "filename", "size", "created_at", "finished_at",
            "expires_at", "download_url",
        )  # fmt: skip

    @extend_schema_field(OpenApiTypes.STR)  # it may be empty, which no address is
    def get_download_url(self, job: ChatExport) -> str:
        """ "" until the file is ready."""
        return jobs.download_url(job)


class WantedSerializer(StrictSerializer):
    """What to export: everything, or one conversation, contact or number; all days or some."""

    format = serializers.ChoiceField(choices=ChatExport.Format.choices)
    has_media = serializers.BooleanField(default=False, help_text="With files, as a ZIP.")
    conversation = serializers.CharField(default="", allow_blank=True, help_text="Its id.")
    contact = serializers.CharField(default="", allow_blank=True, help_text="WhatsApp id.")
    number = serializers.CharField(default="", allow_blank=True, help_text="phone_number_id.")
    since = serializers.DateTimeField(default=None, allow_null=True)
    until = serializers.DateTimeField(default=None, allow_null=True, help_text="Exclusive.")


class Exports(BusinessAPIMixin, ListAPIView[ChatExport]):
    """Exports, newest first; POST requests one."""

    required_scope = KeyScope.EXPORTS
    queryset = ChatExport.objects.all()
    serializer_class = ExportSerializer

    @extend_schema(
        request=WantedSerializer,
        responses={201: ExportSerializer},
        examples=[
            OpenApiExample(
                "May, with files",
                {
                    "format": "jsonl",
                    "has_media": True,
                    "since": "2026-05-01T00:00:00Z",
                    "until": "2026-06-01T00:00:00Z",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: BusinessAPIRequest) -> Response:
        """Request an export, which is written in the background."""
        given = WantedSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = jobs.request_export(
            business=request.business,
            author=None,
            wanted=jobs.ExportRequest(**given.validated_data),
        )
        notify(tasks.move_history)
        return Response(ExportSerializer(job).data, status=201)


class ExportById(BusinessAPIMixin, RetrieveAPIView[ChatExport]):
    """One export."""

    required_scope = KeyScope.EXPORTS
    queryset = ChatExport.objects.all()
    serializer_class = ExportSerializer
    lookup_field = "public_id"


class CancelExport(BusinessAPIView):
    """Cancel an export."""

    required_scope = KeyScope.EXPORTS
    serializer_class = ExportSerializer

    @extend_schema(request=None, responses=ExportSerializer)
    def post(self, request: BusinessAPIRequest, public_id: uuid.UUID) -> Response:
        """Cancel it and delete its parts; 409 when it has ended."""
        job = jobs.get_export(request.business, public_id)
        jobs.cancel(job=job)
        return Response(ExportSerializer(job).data)
