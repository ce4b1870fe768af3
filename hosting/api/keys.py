"""API keys at the Cloud API door: who is calling, on which number, within what plan; one round
trip.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import structlog
from django.db import connection
from django.db.models import QuerySet
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from accounts.models import ApiKey, Business, KeyScope, Plan
from core import tenancy
from core.errors import ParleyError
from core.sql import fetch_prepared
from hosting.api.responses import error_answer
from hosting.errors import CloudApiError
from hosting.messages import rate_limits
from hosting.models import Account, Number

log = structlog.get_logger(__name__)
KEY = re.compile(r"parley_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: the business with its plan, the key's reach, and the number named in the path if
    that is within it.
    """

    business: Business
    key_id: int
    scopes: frozenset[str]
    number_ids: frozenset[int] | None  # that the key is limited to; None: all
    number: Number | None

    def require(self, scope: KeyScope) -> None:
        """Refuse (code 200, HTTP 403) a key without that scope."""
        if scope not in self.scopes:
            raise CloudApiError(200, f"This key has no scope '{scope}'.")

    def require_number(self, phone_number_id: str) -> Number:
        """The number, or 803 as for an object that is not there."""
        if self.number is None:
            raise CloudApiError(
                803, f"Object with ID '{phone_number_id}' does not exist, or is not yours."
            )
        return self.number

    def numbers(self) -> QuerySet[Number]:
        """The numbers that the key reaches."""
        rows = Number.objects.filter(business=self.business)
        return rows if self.number_ids is None else rows.filter(pk__in=self.number_ids)

    def accounts(self) -> QuerySet[Account]:
        """The accounts that hold a number which the key reaches; all of the business for a key
        without a limit.
        """
        rows = Account.objects.filter(business=self.business)
        return (
            rows
            if self.number_ids is None
            else rows.filter(pk__in=self.numbers().values("account_id"))
        )

    def require_whole(self, account: Account | None = None) -> None:
        """Refuse (code 200, HTTP 403) a key that is limited to some numbers of the account, or of
        the business.
        """
        if self.number_ids is None:
            return
        others = Number.objects.filter(account=account).exclude(pk__in=self.number_ids)
        if account is None or others.exists():
            raise CloudApiError(
                200, "This key is limited to some numbers, and this concerns others too."
            )


def key_text(request: HttpRequest) -> str:
    """The key as clients send it: Bearer, 360dialog's header, or the `access_token` parameter."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        return token.strip()
    return request.headers.get("D360-Api-Key") or request.GET.get("access_token", "")


@contextmanager
def opened(
    request: HttpRequest, phone_number_id: str = "", *, is_paced: bool = True
) -> Iterator[Caller]:
    """One transaction, scoped to the business whose key this is.

    Raises 190 for any key that is not live.

    And 4 for one that asks too fast; without `is_paced` the caller counts the request, together
    with what it sends.
    """
    text = key_text(request)
    match = KEY.fullmatch(text)
    if match is None:
        raise CloudApiError(190, "Send a live API key as 'Authorization: Bearer parley_…'.")
    with tenancy.opened():
        row = fetch_prepared(
            "SELECT * FROM hosting_enter_door(%s, %s, %s)",
            [match[1], ApiKey.digest_of(text), phone_number_id],
        )
        if row is None:
            raise CloudApiError(190, "This API key is unknown, revoked or expired.")
        tenancy.remember(row[1])
        caller = _caller(row)
        if is_paced:
            rate_limits.check_key_rate(key_id=caller.key_id, business=caller.business)
        yield caller


def _caller(row: tuple[Any, ...]) -> Caller:
    (
        key_id,
        business_id,
        scopes,
        reach,
        name,
        clock_at,
        suspended_at,
        reason,
        plan_name,
        hosted,
        rps,
        *line,
    ) = row
    business = Business(
        pk=business_id,
        name=name,
        clock_at=clock_at,
        suspended_at=suspended_at,
        suspended_reason=reason,
    )
    business.plan = Plan(name=plan_name, hosted_messages=hosted, requests_per_second=rps)
    number = None
    if line[0] is not None:
        number = Number(
            pk=line[0], business=business, account_id=line[1], digits=line[2], transport=line[3],
            messages_per_second=line[5], is_registered=line[6], phone_number_id=line[7],
        )  # fmt: skip
        number.account = Account(pk=line[1], waba_id=line[4], business=business)
    return Caller(business, key_id, frozenset(scopes), reach and frozenset(reach), number)


View = Callable[..., HttpResponse]


def cloud_api(*methods: str) -> Callable[[View], View]:
    """Dress a Cloud API view: methods, errors in the protocol's shape, 503 while the database is
    away.
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
                log.exception("database_away", trace=trace)
                connection.close()
                away = CloudApiError(2, "The database is restarting; try again.")
                response = error_answer(away.as_json(trace), 503)
                response["Retry-After"] = "1"
                return response

        wrapped.csrf_exempt = True  # type: ignore[attr-defined]
        return wrapped

    return decorate
