"""`/api/v1/contacts/…`: list, change, merge, export and erase customers."""

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response

from accounts.api import BusinessAPIRequest, BusinessAPIView, ColumnsAPIView
from accounts.models import KeyScope
from core.wake import notify
from hosting import tasks
from hosting.api.v1.parsers import BoundedJSONParser
from hosting.api.v1.serializers import (
    EXAMPLE_CONTACT,
    ContactChange,
    ContactSerializer,
    MergeSerializer,
)
from hosting.cloudapi.number_forms import named_person
from hosting.contacts import number_changes
from hosting.models import Contact
from hosting.privacy import data_copy, erasure


@extend_schema_view(
    get=extend_schema(
        operation_id="contacts_list",
        parameters=[
            OpenApiParameter("q", str, description="Part of a name, or the beginning of a number."),
            OpenApiParameter("wa_id", str, description="Exactly this number, in digits."),
        ],
    )
)
class Contacts(ColumnsAPIView):
    """Customers, newest first."""

    required_scope = KeyScope.CONTACTS
    query_fields = ("wa_id", "q")
    queryset = Contact.objects.all()
    serializer_class = ContactSerializer

    def get_queryset(self) -> QuerySet[Contact]:
        """Return the business's contacts that match the query parameters."""
        rows: Any = super().get_queryset()
        asked = self.request.query_params
        if wa_id := asked.get("wa_id"):
            rows = rows.filter(wa_id=named_person(wa_id))
        found: QuerySet[Contact] = rows.called(asked.get("q", ""))
        return found


class OneContact(BusinessAPIView):
    """Base of the paths below one contact."""

    serializer_class = ContactSerializer
    pagination_class: Any = None
    parser_classes = (BoundedJSONParser,)
    required_scope = KeyScope.CONTACTS

    @staticmethod
    def own(request: BusinessAPIRequest, contact_id: int) -> Contact:
        """Return the caller's contact of that id, or 404."""
        return get_object_or_404(Contact.objects.filter(business=request.business), pk=contact_id)


class ContactById(OneContact):
    """One customer."""

    @extend_schema(examples=[OpenApiExample("A contact", EXAMPLE_CONTACT)])
    def get(self, request: BusinessAPIRequest, contact_id: int) -> Response:
        """One customer."""
        return Response(ContactSerializer(self.own(request, contact_id)).data)

    @extend_schema(request=ContactChange)
    def patch(self, request: BusinessAPIRequest, contact_id: int) -> Response:
        """Set an alias; the customer's own name is kept beside it."""
        contact = self.own(request, contact_id)
        change = ContactChange(data=request.data)
        change.is_valid(raise_exception=True)
        contact.alias = change.validated_data["alias"]
        contact.save(update_fields=["alias"])
        return Response(ContactSerializer(contact).data)

    @extend_schema(responses={202: None})
    def delete(self, request: BusinessAPIRequest, contact_id: int) -> Response:
        """Erase the customer: messages, files, names and numbers; charges and invoices stay.

        Takes minutes.
        """
        erasure.request_erasure(contact=self.own(request, contact_id))
        notify(tasks.forget)
        return Response(status=202)


class ContactMerge(OneContact):
    """Merge two contacts of one person."""

    @extend_schema(request=MergeSerializer, responses={200: ContactSerializer})
    def post(self, request: BusinessAPIRequest, contact_id: int) -> Response:
        """Move everything of this contact to another, and delete this one."""
        contact = self.own(request, contact_id)
        wanted = MergeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        into = self.own(request, wanted.validated_data["into"])
        number_changes.merge_contacts(contact, into=into)
        return Response(ContactSerializer(self.own(request, into.pk)).data)


class ContactData(OneContact):
    """All stored data of a customer."""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: BusinessAPIRequest, contact_id: int) -> Any:
        """A ZIP with `contact.json` and the files of their messages."""
        contact = self.own(request, contact_id)
        return FileResponse(
            data_copy.as_zip(contact), as_attachment=True, filename=f"contact-{contact.pk}.zip"
        )
