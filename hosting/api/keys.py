"""Authentication of Cloud API requests by API key, in one round trip."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, NamedTuple

import structlog
from django.db import connection
from django.db.models import QuerySet
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.audit import acts
from accounts.models import ApiKey, Business, KeyScope, Plan
from core import tenancy
from core.errors import ParleyError
from core.logs import shown_path
from core.sql import fetch_prepared
from hosting.api import bodies
from hosting.api.responses import error_answer
from hosting.errors import CloudApiError
from hosting.messages import rate_limits
from hosting.models import Account, Number

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: the business with its plan, the key's scopes and numbers, the number in the path.

    `number` is None when the path names none that the key may use.
    """

    business: Business
    key_id: int
    scopes: frozenset[str]
    number_ids: frozenset[int] | None  # that the key is limited to; None: all
    number: Number | None

    def require(self, scope: KeyScope) -> None:
        """Raise CloudApiError 200 (HTTP 403) unless the key has that scope."""
        if scope not in self.scopes:
            raise CloudApiError(200, f"This key has no scope '{scope}'.")

    def require_number(self, phone_number_id: str) -> Number:
        """Return the number; raise CloudApiError 803 as for an unknown object."""
        if self.number is None:
            raise CloudApiError(
                803, f"Object with ID '{phone_number_id}' does not exist, or is not yours."
            )
        return self.number

    def numbers(self) -> QuerySet[Number]:
        """Return the numbers that the key may use."""
        rows = Number.objects.filter(business=self.business)
        return rows if self.number_ids is None else rows.filter(pk__in=self.number_ids)

    def accounts(self) -> QuerySet[Account]:
        """Return the accounts with a number that the key may use; all for a key without a limit."""
        rows = Account.objects.filter(business=self.business)
        return (
            rows
            if self.number_ids is None
            else rows.filter(pk__in=self.numbers().values("account_id"))
        )

    def require_whole(self, account: Account | None = None) -> None:
        """Raise CloudApiError 200 for a key limited to some numbers of the account, or of the
        business.
        """
        if self.number_ids is None:
            return
        others = Number.objects.filter(account=account).exclude(pk__in=self.number_ids)
        if account is None or others.exists():
            raise CloudApiError(
                200, "This key is limited to some numbers, and this concerns others too."
            )


# Where stock clients put the key into the URL: Chatwoot reads templates and numbers so, Meta's own
# examples nodes (files too) and uploads. URLs stay in logs of proxies, so nowhere else.
KEY_IN_URL = {
    "cloudapi_node": ("GET",),
    "cloudapi_message_templates": ("GET",),
    "cloudapi_phone_numbers": ("GET",),
    "cloudapi_uploads": ("POST",),
    "media_download": ("GET",),
}


def key_text(request: HttpRequest) -> str:
    """Return the key as sent: Bearer, 360dialog's header, the field `access_token` of a form, or
    that parameter of the query.

    Raises CloudApiError 190 for one in the query where no stock client needs it.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        return token.strip()
    given = request.headers.get("D360-Api-Key") or bodies.form_token(request)
    if given or "access_token" not in request.GET:
        return given
    route = request.resolver_match.url_name if request.resolver_match else ""
    if request.method not in KEY_IN_URL.get(route or "", ()):
        raise CloudApiError(
            190,
            "A key in the URL is accepted for reading only: send it as a header.",
            field="access_token",
        )
    return request.GET["access_token"]


@contextmanager
def authenticated(
    request: HttpRequest,
    phone_number_id: str = "",
    *,
    is_rate_limited: bool = True,
    is_check: bool = False,
) -> Iterator[Caller]:
    """Open one transaction scoped to the business of the request's key.

    Raises CloudApiError 190 for a key that is not live, 4 for one that asks too often. Without
    `is_rate_limited` the caller counts the request together with what it sends. What is done in
    it is recorded in the audit log, unless it `is_check` only.
    """
    sent = ApiKey.read(key_text(request))
    if sent is None:
        raise CloudApiError(190, "Send a live API key as 'Authorization: Bearer parley_…'.")
    with tenancy.deferred_scope():
        found = fetch_prepared(
            "SELECT * FROM hosting_authenticate(%s, %s, %s)",
            [sent.prefix, sent.digest, phone_number_id],
        )
        if found is None:
            raise CloudApiError(190, "This API key is unknown, revoked or expired.")
        row = KeyRow(*found)
        tenancy.record_scope(row.business_id)
        caller = _caller(row)
        if is_rate_limited:
            rate_limits.check_key_rate(key_id=caller.key_id, business=caller.business)
        request.api_key = sent.shown  # type: ignore[attr-defined]
        with acts.silent() as written:
            yield caller
            if not is_check:
                acts.complete(request, None, written, caller.business.pk)


class KeyRow(NamedTuple):
    """The columns of the SQL function `hosting_authenticate`; the number's are None without one."""

    key_id: int
    business_id: int
    scopes: list[str]
    number_ids: list[int] | None
    business_name: str
    clock_at: datetime | None
    suspended_at: datetime | None
    suspended_reason: str
    plan_name: str
    hosted_messages: int | None
    requests_per_second: int
    number_id: int | None
    account_id: int
    digits: str
    transport: str
    waba_id: str
    messages_per_second: int
    is_registered: bool
    phone_number_id: str


def _caller(row: KeyRow) -> Caller:
    business = Business(
        pk=row.business_id,
        name=row.business_name,
        clock_at=row.clock_at,
        suspended_at=row.suspended_at,
        suspended_reason=row.suspended_reason,
    )
    business.plan = Plan(
        name=row.plan_name,
        hosted_messages=row.hosted_messages,
        requests_per_second=row.requests_per_second,
    )
    number_ids = None if row.number_ids is None else frozenset(row.number_ids)
    return Caller(business, row.key_id, frozenset(row.scopes), number_ids, _number(row, business))


def _number(row: KeyRow, business: Business) -> Number | None:
    if row.number_id is None:
        return None
    number = Number(
        pk=row.number_id,
        business=business,
        account_id=row.account_id,
        digits=row.digits,
        transport=row.transport,
        messages_per_second=row.messages_per_second,
        is_registered=row.is_registered,
        phone_number_id=row.phone_number_id,
    )
    number.account = Account(pk=row.account_id, waba_id=row.waba_id, business=business)
    return number


View = Callable[..., HttpResponse]


def cloud_api(*methods: str) -> Callable[[View], View]:
    """Decorate a Cloud API view: allowed methods, all errors in the protocol's shape, 503 without
    database.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            trace = secrets.token_urlsafe(12)
            try:
                if request.method not in methods:
                    raise CloudApiError(100, f"Method {request.method} is not supported here.")
                return view(request, *args, **kwargs)
            except CloudApiError as error:
                refusal = error_answer(error.as_json(trace), error.status)
                if error.retry_after:
                    refusal["Retry-After"] = str(error.retry_after)
                return refusal
            except ParleyError as error:
                held = {"messaging_product": "whatsapp", "details": error.message}
                body = {
                    "message": error.message,
                    "type": "OAuthException",
                    "code": 100,
                    "error_data": held,
                }
                return error_answer({"error": body | {"fbtrace_id": trace}}, error.status)
            except (OperationalError, InterfaceError):
                log.exception("database_unavailable", trace=trace)
                connection.close()
                unavailable = CloudApiError(2, "The database is restarting; try again.")
                response = error_answer(unavailable.as_json(trace), 503)
                response["Retry-After"] = "1"
                return response
            except Exception:
                log.exception("cloud_api_failed", trace=trace, path=shown_path(request))
                failed = CloudApiError(131000, "The error was recorded; try again later.")
                return error_answer(failed.as_json(trace), 500)

        wrapped.records_acts = True  # type: ignore[attr-defined]
        return csrf_exempt(wrapped)

    return decorate
