"""`/api/v1/contacts/…`: customers: list, change, merge, take along, forget."""

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
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import BusinessAPIMixin, BusinessAPIRequest, BusinessAPIView
from accounts.models import KeyScope
from core.errors import NotAllowed
from core.wake import notify
from hosting import tasks
from hosting.api.v1.bodies import BoundedJSONParser
from hosting.api.v1.shapes import EXAMPLE_CONTACT, ContactChange, ContactSerializer, MergeSerializer
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
class Contacts(BusinessAPIMixin, ListAPIView[Contact]):
    """Customers, the newest first."""

    required_scope = KeyScope.READ
    queryset = Contact.objects.all()
    serializer_class = ContactSerializer

    def get_queryset(self) -> QuerySet[Contact]:
        """The business's own, narrowed by what the address asks for."""
        rows, asked = super().get_queryset(), self.request.query_params
        if wa_id := asked.get("wa_id"):
            rows = rows.filter(wa_id=wa_id.lstrip("+"))
        return rows.called(asked.get("q", ""))  # type: ignore[attr-defined,no-any-return]


class OneContact(BusinessAPIView):
    """Base of the addresses below one contact; reading and changing are two scopes."""

    serializer_class = ContactSerializer
    pagination_class: Any = None
    parser_classes = (BoundedJSONParser,)

    def check_permissions(self, request: Request) -> None:
        """`read` to look, `messages` to change."""
        needed = (
            KeyScope.READ if request.method in ("GET", "HEAD", "OPTIONS") else KeyScope.MESSAGES
        )
        if needed not in request.user.scopes:  # type: ignore[union-attr]
            raise NotAllowed(f"This key has no scope '{needed}'.")

    @staticmethod
    def own(request: BusinessAPIRequest, contact_id: int) -> Contact:
        """The caller's contact of that id, or 404."""
        return get_object_or_404(Contact.objects.filter(business=request.business), pk=contact_id)


class ContactById(OneContact):
    """One customer."""

    @extend_schema(examples=[OpenApiExample("A contact", EXAMPLE_CONTACT)])
    def get(self, request: BusinessAPIRequest, contact_id: int) -> Response:
        """One customer."""
        return Response(ContactSerializer(self.own(request, contact_id)).data)

    @extend_schema(request=ContactChange)
    def patch(self, request: BusinessAPIRequest, contact_id: int) -> Response:
        """Give the customer a name of your own; the customer's own name stays beside it."""
        contact = self.own(request, contact_id)
        change = ContactChange(data=request.data)
        change.is_valid(raise_exception=True)
        contact.alias = change.validated_data["alias"]
        contact.save(update_fields=["alias"])
        return Response(ContactSerializer(contact).data)

    @extend_schema(responses={202: None})
    def delete(self, request: BusinessAPIRequest, contact_id: int) -> Response:
        """Forget the customer: messages, files, names and numbers go, charges and invoices stay.

        Done within minutes.
        """
        erasure.request_erasure(contact=self.own(request, contact_id))
        notify(tasks.forget)
        return Response(status=202)


class ContactMerge(OneContact):
    """Two contacts that are one person."""

    @extend_schema(request=MergeSerializer, responses={200: ContactSerializer})
    def post(self, request: BusinessAPIRequest, contact_id: int) -> Response:
        """Move all that belongs to this contact to another; this one is gone afterwards."""
        contact = self.own(request, contact_id)
        wanted = MergeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        into = self.own(request, wanted.validated_data["into"])
        number_changes.merge_contacts(contact, into=into)
        return Response(ContactSerializer(self.own(request, into.pk)).data)


class ContactData(OneContact):
    """Everything that is kept about a customer."""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: BusinessAPIRequest, contact_id: int) -> Any:
        """A ZIP with `contact.json` and the files of their messages."""
        contact = self.own(request, contact_id)
        return FileResponse(
            data_copy.as_zip(contact), as_attachment=True, filename=f"contact-{contact.pk}.zip"
        )
