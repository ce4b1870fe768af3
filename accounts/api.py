"""Base of the REST API at /api/v1/: authentication by API key, scopes, paging and errors.

An app adds its routes in three steps:

1. `<app>/api/v1/…`: views that inherit `BusinessAPIMixin` before one of DRF's generic views, or
   `BusinessAPIView` alone:

       class Invoices(BusinessAPIMixin, ListAPIView):
           required_scope = KeyScope.BILLING
           queryset = Invoice.objects.all()          # filtered by business_id by the mixin
           serializer_class = InvoiceSerializer
           ordering = ("-issued_at", "-id")          # keyset paging: ends in a unique column

   A list that is asked for often inherits `ColumnsAPIView`: it shows what its serializer names
   without building model objects.

2. `<app>/api/v1/urls.py`: `urlpatterns = [path("invoices/", Invoices.as_view(), name=…)]`;
3. for a new app, a line in `config/api.py`: `path("", include("<app>.api.v1.urls"))`.

Inside a view `request.business` is the key's business and the transaction is scoped to it. A
response of status 400 or above rolls back whatever the view wrote. A streamed response must not
read the database: the transaction has ended before it is sent.

Errors are `{"error": {"code", "message", "field"}}`: raise a `ParleyError` (its `field` attribute
names the input), one of DRF's exceptions, or `Http404`. The status is 401 for a missing, unknown,
revoked or expired key, 403 for a missing scope, 403 for a key that is limited to some numbers
where the view has no `number_path`, 404 for an id of another business, and 429 for a key that
makes more requests than its plan allows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

import structlog
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.db.utils import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_keys import numbers_of
from accounts.audit import acts
from accounts.models import ApiKey, Business, KeyScope
from accounts.plans import limits
from core import columns, tenancy
from core.errors import BadInput, NotAllowed, ParleyError
from core.paging import KeysetPagination

log = structlog.get_logger(__name__)

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Caller:
    """The API key of a request: its business, scopes and numbers; DRF's `request.user`."""

    business: Business
    key_id: int
    scopes: frozenset[str]
    number_ids: frozenset[int] | None  # the numbers that the key is limited to; None is all
    is_authenticated: ClassVar[bool] = True

    def narrow(self, rows: QuerySet[Row], path: str) -> QuerySet[Row]:
        """The rows that belong to the key's numbers; `path` is the look-up of the number's id."""
        return rows if self.number_ids is None else rows.filter(**{f"{path}__in": self.number_ids})


def caller_of(request: Request) -> Caller:
    """The API key that `ApiKeyAuthentication` found."""
    return cast(Caller, request.user)


class BusinessAPIRequest(Request):
    """A request with a live key, for type checkers; made by `ApiKeyAuthentication`."""

    user: Any
    business: Business


class ApiKeyAuthentication(BaseAuthentication):
    """Authentication by `Authorization: Bearer parley_…`.

    Runs inside `tenancy.deferred_scope()`, whose transaction it scopes to the business of the key.
    """

    def authenticate(self, request: Request) -> tuple[Caller, int]:
        """The caller and the id of the key; 401 for one that is malformed, unknown or not live."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        sent = ApiKey.read(text.strip())
        if scheme.lower() != "bearer" or sent is None:
            raise exceptions.NotAuthenticated(
                "Send a live API key as 'Authorization: Bearer parley_…'."
            )
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM accounts_open_key(%s, %s)", [sent.prefix, sent.digest])
            row = cursor.fetchone()
        if row is None:
            raise exceptions.AuthenticationFailed("This API key is unknown, revoked or expired.")
        tenancy.record_scope(row[1])
        business = Business.objects.select_related("plan").get(pk=row[1])
        caller = Caller(business, row[0], frozenset(row[2]), row[3] and frozenset(row[3]))
        request.business = caller.business  # type: ignore[attr-defined]
        request._request.api_key = sent.shown  # type: ignore[attr-defined]
        return caller, caller.key_id

    def authenticate_header(self, request: Request) -> str:
        """Value of the WWW-Authenticate header of a 401."""
        return 'Bearer realm="parley"'


def scope_of(view: Any, method: str) -> KeyScope | None:
    """The scope that a view's keys need for a method; None where it names none."""
    wanted: KeyScope | None = getattr(view, "required_scope", None)
    if method not in SAFE_METHODS:
        return getattr(view, "changing_scope", None) or wanted
    return wanted


class HasScope(BasePermission):
    """Permission: the key has the view's `required_scope`, or for changes its `changing_scope`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """True where the key has the scope; NotAllowed, naming it, where it has not."""
        wanted = scope_of(view, request.method or "")
        if wanted is None:
            return bool(getattr(view, "is_for_any_key", False))
        if wanted not in caller_of(request).scopes:
            raise NotAllowed(f"This key has no scope '{wanted}'.")
        return True


class BusinessAPIMixin(APIView):
    """Base of DRF views: requires an API key and runs in one transaction of its business."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    pagination_class: Any = KeysetPagination
    # A view without a scope is refused to all keys, unless it `is_for_any_key`.
    required_scope: ClassVar[KeyScope | None] = None
    is_for_any_key: ClassVar[bool] = False
    # What POST, PUT, PATCH and DELETE require instead, where that is another scope.
    changing_scope: ClassVar[KeyScope | None] = None
    # Look-up from the view's rows to the number's id; empty where the view itself filters by the
    # numbers of the key; None where keys that are limited to some numbers are refused.
    number_path: ClassVar[str | None] = None
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    # Names of the query parameters besides those of paging; another is refused.
    query_fields: ClassVar[tuple[str, ...]] = ()
    request: BusinessAPIRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer inside the tenant's transaction; 503 while the database is unavailable."""
        try:
            with tenancy.deferred_scope():
                with acts.silent() as written:
                    response: Any = super().dispatch(request, *args, **kwargs)
                    if response.status_code >= 400:
                        transaction.set_rollback(True)
                    elif called := getattr(self.request, "business", None):
                        acts.complete(request, response, written, called.pk)
                # Rendered here, within the transaction: lazy querysets must still see their rows.
                # A file is not rendered; what it streams must not read the database.
                if hasattr(response, "render"):
                    response = response.render()
                return cast(HttpResponseBase, response)
        except (OperationalError, InterfaceError):
            log.exception("database_unavailable")
            connection.close()
            body = {
                "error": {
                    "code": "unavailable",
                    "message": "The database is restarting; try again.",
                    "field": "",
                }
            }
            return JsonResponse(body, status=503, headers={"Retry-After": "1"})

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse number-limited keys where the view has no `number_path`, query parameters that
        the view does not name, and NUL characters.

        NUL in a parameter is a BadInput: PostgreSQL cannot store or compare it.
        """
        super().initial(request, *args, **kwargs)
        # Not a permission class: a view that sets its own classes would lose it.
        if caller_of(request).number_ids is not None and self.number_path is None:
            raise NotAllowed(
                "This key is limited to some numbers, and this belongs to the business as a whole."
            )
        self._refuse_unknown_query(request)
        for name, value in [*request.query_params.items(), *kwargs.items()]:
            if "\x00" in name or "\x00" in str(value):
                raise BadInput("The NUL character is not allowed.", field=name.replace("\x00", ""))

    def _refuse_unknown_query(self, request: Request) -> None:
        known = {*self.query_fields, "after", "limit", "format"}
        for name in request.query_params:
            if name not in known:
                said = ", ".join(self.query_fields) or "none"
                raise BadInput(
                    f"There is no such parameter; there are: {said}.",
                    field=name.replace("\x00", "")[:80],
                )

    def check_throttles(self, request: Request) -> None:
        """Enforce the plan's requests per second on the key."""
        caller = caller_of(request)
        limits.check(key_id=caller.key_id, business=caller.business)

    def get_queryset(self) -> QuerySet[Any]:
        """The view's `queryset`, filtered by the business and the numbers of the caller."""
        rows: QuerySet[Any] = super().get_queryset()  # type: ignore[misc]
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        rows = rows.filter(business_id=self.request.business.pk)
        return self.request.user.narrow(rows, self.number_path) if self.number_path else rows


class ColumnsAPIView(BusinessAPIMixin, ListAPIView[Any]):
    """Base of lists that are read as columns, without model objects (see `core.columns`).

    `serializer_class` names the columns and describes them in the schema; `computed` gives its
    members that are no columns, from the row by look-up, and `also` names look-ups they need.
    """

    computed: ClassVar[Mapping[str, Callable[[columns.Row], Any]]] = {}
    also: ClassVar[tuple[str, ...]] = ()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of the list."""
        shown = _columns_of(type(self))
        order = (column.lstrip("-") for column in self.ordering)
        found = columns.read(self.get_queryset(), shown, self.computed, *order, *self.also)
        page = self.paginate_queryset(found) or []
        return self.get_paginated_response(columns.as_objects(page, shown, self.computed))


@cache
def _columns_of(view: type[ColumnsAPIView]) -> columns.Columns:
    made: Any = view.serializer_class
    return columns.columns_of(made())


class BusinessAPIView(BusinessAPIMixin, GenericAPIView[Any]):
    """Base of views that do not use one of DRF's generic views."""


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: a response of `{"error": {"code", "message", "field"}}`.

    None, so that DRF re-raises, for exceptions that are not refusals.
    """
    if isinstance(error, ParleyError):
        response = _refusal(error.status, error.code, error.message, getattr(error, "field", ""))
        return _with_wait(response, error)
    if isinstance(error, Http404):
        return _refusal(404, "not_found", "Not found.")
    if isinstance(error, PermissionDenied):
        return _refusal(403, "forbidden", "Your role does not allow this.")
    if not isinstance(error, exceptions.APIException):
        return None
    field, detail = _first(error.detail)
    response = _refusal(
        error.status_code, str(detail.code or error.default_code), str(detail), field
    )
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    return _with_wait(response, error)


def _with_wait(response: Response, error: Exception) -> Response:
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait) or 1)
    return response


def _refusal(status: int, code: str, message: str, field: str = "") -> Response:
    return Response({"error": {"code": code, "message": message, "field": field}}, status=status)


def _first(detail: Any, path: tuple[str, ...] = ()) -> tuple[str, Any]:
    """The first error of DRF's nested detail, with the dotted path of its field."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        return _first(inner, path if name == "non_field_errors" else (*path, str(name)))
    if isinstance(detail, list):
        index, inner = next((place, inner) for place, inner in enumerate(detail) if inner)
        return _first(inner, (*path, str(index)) if isinstance(inner, dict) else path)
    return ".".join(path), detail


class ScopedSchema(AutoSchema):
    """The OpenAPI description of an endpoint, with the scope that its keys need."""

    def get_description(self) -> str:  # type: ignore[override]
        """The view's own words, and its scope."""
        told = str(super().get_description() or "")
        wanted = scope_of(self.view, self.method)
        return f"{told}\n\nScope: `{wanted}`." if wanted else told


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Description of the API key in the OpenAPI schema."""

    target_class = "accounts.api.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """HTTP Bearer authentication."""
        return {"type": "http", "scheme": "bearer", "description": "An API key: parley_…"}


class MonthSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """OpenAPI schema of date fields, some of which are written as months."""

    target_class = "rest_framework.fields.DateField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """A pattern for `YYYY-MM` where the field writes months, else format `date`."""
        if getattr(self.target, "format", None) == "%Y-%m":
            return {"type": "string", "pattern": r"^\d{4}-\d{2}$", "example": "2026-05"}
        return {"type": "string", "format": "date"}


class RootSerializer(serializers.Serializer[Any]):
    """Response of `GET /api/v1/`."""

    business = serializers.CharField(help_text="Name of the business whose key this is.")
    plan = serializers.CharField(help_text="Code of its plan.")
    scopes = serializers.ListField(
        child=serializers.CharField(), help_text="What this key reaches."
    )
    numbers = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="phone_number_ids it is limited to; null: all.",
    )


class Root(BusinessAPIView):
    """The business of the API key and what the key may do."""

    is_for_any_key = True
    serializer_class = RootSerializer
    pagination_class: Any = None
    number_path = ""

    @extend_schema(operation_id="root")
    def get(self, request: BusinessAPIRequest) -> Response:
        """The business of the API key, its plan, and the scopes and numbers of the key."""
        business = request.business
        reach = request.user.number_ids
        limited = (
            [one.phone_number_id for one in numbers_of(business) if one.pk in reach]
            if reach
            else None
        )
        answer = {
            "business": business.name,
            "plan": business.plan_id,
            "scopes": sorted(request.user.scopes),
        }
        return Response(answer | {"numbers": limited})


@csrf_exempt
def not_found(request: HttpRequest, rest: str = "") -> JsonResponse:
    """Answer 404 as JSON for an unknown address below /api/v1/."""
    body = {
        "error": {
            "code": "not_found",
            "message": f"There is nothing at {request.path}.",
            "field": "",
        }
    }
    return JsonResponse(body, status=404)
