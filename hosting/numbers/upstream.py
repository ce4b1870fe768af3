"""Connection of an account and its numbers to a real Cloud API, their upstream."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from core import links, widths
from core.errors import ParleyError
from core.http import Fetched, FetchFailed, fetch
from hosting.cloudapi.json import MalformedJson, as_dict, as_list, as_text, read_json
from hosting.message_templates.upstream_sync import request_sync
from hosting.models import Account, Conversation, Number, Outgoing, Transport, Upstream

TIMEOUT = 15.0
MAX_BYTES = 1024 * 1024


class UpstreamRefused(ParleyError):
    """The upstream cannot be used; the message says why."""

    code = "upstream_refused"


@dataclass(frozen=True, slots=True)
class UpstreamAccount:
    """Address, account id and token of an upstream.

    `base_url` includes a version if there is one.
    """

    base_url: str
    waba_id: str
    token: str

    def url_of(self, edge: str) -> str:
        """Return the address of an edge of the account."""
        return f"{self.base_url.rstrip('/')}/{self.waba_id}/{edge}"


def fetch_numbers(upstream: UpstreamAccount) -> dict[str, str]:
    """Fetch the upstream account's numbers: digits -> phone_number_id.

    Raises UpstreamRefused for a forbidden address, a wrong token or an unusable answer. Call
    outside transactions.
    """
    if not upstream.waba_id.isdigit() or not urlsplit(upstream.base_url).hostname:
        raise UpstreamRefused("Give the address with its version, and the account's id in digits.")
    answer = _request(upstream, "phone_numbers?limit=100&fields=id,display_phone_number")
    rows = [as_dict(row) for row in as_list(answer.get("data"))]
    return {
        re.sub(r"\D", "", as_text(row.get("display_phone_number"))): as_text(row.get("id"))[
            : widths.OBJECT_ID
        ]
        for row in rows
        if row.get("id") and row.get("display_phone_number")
    }


def _request(
    upstream: UpstreamAccount, edge: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {upstream.token}", "content-type": "application/json"}
    try:
        found = fetch(
            upstream.url_of(edge),
            method="POST" if body else "GET",
            body=orjson.dumps(body) if body else None,
            headers=headers,
            max_bytes=MAX_BYTES,
            timeout=TIMEOUT,
        )
    except FetchFailed as error:
        raise UpstreamRefused(f"The upstream could not be asked: {error}.") from None
    return _parse_response(found)


def _parse_response(found: Fetched) -> dict[str, Any]:
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
    *, account: Account, upstream: UpstreamAccount, app_secret: str, numbers: dict[str, str]
) -> list[Number]:
    """Connect an account and those of its numbers that are in `numbers`; return these.

    Raises UpstreamRefused if there are none. Call in a scope.
    """
    ours = list(Number.objects.filter(account=account, digits__in=numbers).order_by("id"))
    if not ours:
        raise UpstreamRefused("The upstream has none of this account's numbers.")
    given = {
        "base_url": upstream.base_url.rstrip("/"),
        "waba_id": upstream.waba_id,
        "token": upstream.token,
    }
    Upstream.objects.update_or_create(
        account=account,
        defaults={
            "business_id": account.business_id,
            **given,
            "app_secret": app_secret,
            "is_self_connected": True,
            "last_error": "",
        },
    )
    request_sync(account)
    _forget_windows([one for one in ours if one.transport != Transport.CLOUDAPI])
    for number in ours:
        number.transport, number.upstream_id, number.paused_until = (
            Transport.CLOUDAPI,
            numbers[number.digits],
            None,
        )
        # What a real network carries is real traffic.
        number.is_test = False
        number.save(update_fields=["transport", "upstream_id", "paused_until", "is_test"])
    return ours


def _forget_windows(numbers: Sequence[Number]) -> None:
    """Let prices count no window that was opened on the network which these numbers leave.

    What a simulated phone wrote is no message on a real network.
    """
    Conversation.objects.filter(number__in=[number.pk for number in numbers]).update(
        is_window_proven=False, referred_at=None, free_entry_at=None
    )


def subscribe_webhooks(upstream: UpstreamAccount, account: Account) -> None:
    """Ask the upstream to send its webhooks to this account's inbound URL; raise UpstreamRefused.

    Call outside transactions.
    """
    uri = links.absolute(f"/webhooks/{account.waba_id}")
    _request(
        upstream,
        "subscribed_apps",
        {"override_callback_uri": uri, "verify_token": account.verify_token},
    )


def disconnect(account: Account) -> Sequence[Number]:
    """Disconnect the upstream and return the account's numbers, which are in the sandbox again.

    Raises UpstreamRefused while messages are queued for it.
    """
    waiting = Outgoing.objects.filter(number__account=account, transport=Transport.CLOUDAPI).count()
    if waiting:
        raise UpstreamRefused(f"{waiting} messages are still on their way to the upstream.")
    numbers = list(
        Number.objects.filter(account=account, transport=Transport.CLOUDAPI).order_by("id")
    )
    _forget_windows(numbers)
    for number in numbers:
        number.transport, number.upstream_id, number.paused_until = Transport.SANDBOX, "", None
        number.save(update_fields=["transport", "upstream_id", "paused_until"])
    Upstream.objects.filter(account=account).delete()
    return numbers
