"""Connecting: a real Cloud API becomes the network behind an account, for the numbers that both know."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings

from core.errors import ParleyError
from core.http import Fetched, FetchFailed, fetch
from hosting.cloudapi.json import MalformedJson, as_dict, as_list, as_text, read_json
from hosting.models import Account, Number, Outgoing, Transport, Upstream

TIMEOUT = 15.0
MAX_BYTES = 1024 * 1024


class UpstreamRefused(ParleyError):
    """The upstream cannot be used so; the message says why."""

    code = "upstream_refused"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an upstream is and what opens it; `base_url` has the version, if there is one."""

    base_url: str
    waba_id: str
    token: str

    def url_of(self, edge: str) -> str:
        """Address of an edge of the account there."""
        return f"{self.base_url.rstrip('/')}/{self.waba_id}/{edge}"


def look(place: Place) -> dict[str, str]:
    """The numbers that the upstream's account has: digits -> its phone_number_id. Call outside transactions.

    Raises UpstreamRefused for an address that may not be asked, a token that does not fit, an answer that is none.
    """
    if not place.waba_id.isdigit() or not urlsplit(place.base_url).hostname:
        raise UpstreamRefused("Give the address with its version, and the account's id in digits.")
    answer = _ask(place, "phone_numbers?limit=100&fields=id,display_phone_number")
    rows = [as_dict(row) for row in as_list(answer.get("data"))]
    return {
        re.sub(r"\D", "", as_text(row.get("display_phone_number"))): as_text(row.get("id"))[:32]
        for row in rows
        if row.get("id") and row.get("display_phone_number")
    }


def _ask(place: Place, edge: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {place.token}", "content-type": "application/json"}
    try:
        found = fetch(
            place.url_of(edge),
            method="POST" if body else "GET",
            body=orjson.dumps(body) if body else None,
            headers=headers,
            max_bytes=MAX_BYTES,
            timeout=TIMEOUT,
        )
    except FetchFailed as error:
        raise UpstreamRefused(f"The upstream could not be asked: {error}.") from None
    return _read(found)


def _read(found: Fetched) -> dict[str, Any]:
    try:
        answer = as_dict(read_json(found.body))
    except MalformedJson:
        answer = {}
    error = as_dict(answer.get("error"))
    if found.status != 200 or error:
        said = as_text(error.get("message"))[:200]
        raise UpstreamRefused(
            f"The upstream answered HTTP {found.status}{': ' if said else ''}{said}."
        )
    return answer


def connect(
    *, account: Account, place: Place, app_secret: str, numbers: dict[str, str]
) -> list[Number]:
    """Put the upstream behind the account, and behind its numbers among `numbers`; returns these. Call in a scope."""
    ours = list(Number.objects.filter(account=account, digits__in=numbers).order_by("id"))
    if not ours:
        raise UpstreamRefused("The upstream has none of this account's numbers.")
    given = {"base_url": place.base_url.rstrip("/"), "waba_id": place.waba_id, "token": place.token}
    Upstream.objects.update_or_create(
        account=account,
        defaults={
            "business_id": account.business_id, **given, "app_secret": app_secret, "synchronised_at": None, "last_error": "",
        },
    )  # fmt: skip
    for number in ours:
        number.transport, number.upstream_id, number.paused_until = (
            Transport.CLOUDAPI,
            numbers[number.digits],
            None,
        )
        number.save(update_fields=["transport", "upstream_id", "paused_until"])
    return ours


def subscribe_there(place: Place, account: Account) -> None:
    """Ask the upstream to send its webhooks to our door for this account; raises UpstreamRefused. Outside transactions."""
    uri = f"{settings.BASE_URL}/webhooks/{account.waba_id}"
    _ask(
        place,
        "subscribed_apps",
        {"override_callback_uri": uri, "verify_token": account.verify_token},
    )


def disconnect(account: Account) -> Sequence[Number]:
    """Take the upstream away: its numbers go back to the sandbox. Raises UpstreamRefused while messages are on their way."""
    waiting = Outgoing.objects.filter(number__account=account, transport=Transport.CLOUDAPI).count()
    if waiting:
        raise UpstreamRefused(f"{waiting} messages are still on their way to the upstream.")
    numbers = list(
        Number.objects.filter(account=account, transport=Transport.CLOUDAPI).order_by("id")
    )
    for number in numbers:
        number.transport, number.upstream_id, number.paused_until = Transport.SANDBOX, "", None
        number.save(update_fields=["transport", "upstream_id", "paused_until"])
    Upstream.objects.filter(account=account).delete()
    return numbers
