"""The client: requests with retries, lists page by page, and methods for what is asked most."""

import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, cast

import httpx

from .objects import Contact, Conversation, Hit, Media, Message

PAGE = 100
TRIES = 5
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
AGAIN = frozenset({429, 502, 503, 504})
READING = frozenset({"GET", "HEAD"})


class ApiError(Exception):
    """A refusal of the API.

    `status` is HTTP's; `code` and `message` say why, `field` which input was wrong ("" if none),
    and `retry_after` how many seconds to wait (0 if nothing was said).
    """

    def __init__(
        self, status: int, code: str, message: str, field: str = "", retry_after: float = 0
    ) -> None:
        self.status, self.code, self.message = status, code, message
        self.field, self.retry_after = field, retry_after
        super().__init__(f"{status} {code}: {message}" + (f" ({field})" if field else ""))


def is_signed(body: bytes, header: str, secret: str) -> bool:
    """Return whether `X-Hub-Signature-256` signs the raw bytes of a webhook with the secret."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))


class Parley:
    """A client of one Parley with one API key; usable as a context manager.

    `base_url` is that of the installation, `timeout` in seconds, `tries` how often a request is
    made at most. `sleep` waits between tries.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        timeout: float = 30,
        tries: int = TRIES,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tries, self._sleep = tries, sleep
        self._http = httpx.Client(
            base_url=base_url.rstrip("/") + "/api/v1/",
            headers={"Authorization": f"Bearer {key}", "User-Agent": "parley-client/0.2"},
            timeout=timeout,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # --- any address

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        files: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
    ) -> Any:
        """Ask an address below `/api/v1/` and return its JSON, None for an empty answer.

        Reading, and what has an idempotency key, is tried again. Raises ApiError for a refusal,
        httpx.TransportError where no answer came.
        """
        asked = {k: v for k, v in (params or {}).items() if v is not None}
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        may_repeat = method in READING or bool(idempotency_key)
        for left in reversed(range(self._tries)):
            may_wait = bool(left) and may_repeat
            wait = min(FIRST_WAIT * 2 ** (self._tries - 1 - left), LONGEST_WAIT)
            try:
                response = self._http.request(
                    method, path, params=asked, json=json, files=files, headers=headers
                )
            except httpx.TransportError:
                if not may_wait:
                    raise
                self._sleep(wait)
                continue
            if response.is_success:
                return response.json() if response.content else None
            error = _error_of(response)
            # A request over a rate was not begun, whatever it is.
            if not left or response.status_code not in AGAIN:
                raise error
            if not may_repeat and response.status_code != 429:
                raise error
            self._sleep(min(error.retry_after or wait, LONGEST_WAIT))
        raise AssertionError("unreachable")

    def pages(self, path: str, **filters: Any) -> Iterator[Any]:
        """Yield every row of a list, which is asked for page by page."""
        after: str | None = ""
        while after is not None:
            page = self.request(
                "GET", path, params={"limit": PAGE, **filters} | ({"after": after} if after else {})
            )
            yield from page["data"]
            after = page["next"]

    # --- conversations

    def conversations(self, **filters: Any) -> Iterator[Conversation]:
        """Yield conversations, newest first; filters: number, contact, is_resolved, unread."""
        return self.pages("conversations/", **_words(filters))

    def conversation(self, id: str) -> Conversation:
        """Return one conversation."""
        return cast(Conversation, self.request("GET", f"conversations/{id}/"))

    def messages_of(self, conversation: str) -> Iterator[Message]:
        """Yield the messages of a conversation."""
        return self.pages(f"conversations/{conversation}/messages/")

    def resolve(self, conversation: str, *, is_resolved: bool = True) -> Conversation:
        """Mark a conversation as resolved, or reopen it."""
        changed = self.request(
            "PATCH", f"conversations/{conversation}/", json={"is_resolved": is_resolved}
        )
        return cast(Conversation, changed)

    # --- messages

    def messages(self, **filters: Any) -> Iterator[Message]:
        """Yield messages, newest first.

        Filters: number, contact, direction, status, category, kind, since, until.
        """
        return self.pages("messages/", **_words(filters))

    def message(self, id: int) -> Message:
        """Return one message."""
        return cast(Message, self.request("GET", f"messages/{id}/"))

    def search(self, words: str, **filters: Any) -> Iterator[Hit]:
        """Yield the messages that have all words, newest first."""
        return self.pages("search/", q=words, **_words(filters))

    def send(self, number: str, body: Mapping[str, Any], *, idempotency_key: str = "") -> Message:
        """Send a message once, however often it has to be tried.

        `number` is a phone_number_id, `body` as the Cloud API has it. With a key of your own, calls
        with the same one send one message.
        """
        sent = self.request(
            "POST",
            "messages/",
            json={"from": number, **body},
            idempotency_key=idempotency_key or uuid.uuid4().hex,
        )
        return cast(Message, sent)

    def send_text(self, number: str, *, to: str, body: str, idempotency_key: str = "") -> Message:
        """Send a text, within the customer's 24-hour window."""
        text = {"to": to, "type": "text", "text": {"body": body}}
        return self.send(number, text, idempotency_key=idempotency_key)

    def send_template(
        self,
        number: str,
        *,
        to: str,
        name: str,
        language: str,
        values: list[str] | None = None,
        idempotency_key: str = "",
    ) -> Message:
        """Send an approved template; `values` fill its body's `{{1}}`, `{{2}}` …"""
        parameters = [{"type": "text", "text": value} for value in values or []]
        components = [{"type": "body", "parameters": parameters}] if parameters else []
        template = {"name": name, "language": {"code": language}, "components": components}
        body = {"to": to, "type": "template", "template": template}
        return self.send(number, body, idempotency_key=idempotency_key)

    # --- customers and files

    def contacts(self, **filters: Any) -> Iterator[Contact]:
        """Yield customers, newest first; filters: wa_id, q."""
        return self.pages("contacts/", **_words(filters))

    def contact(self, id: int) -> Contact:
        """Return one customer."""
        return cast(Contact, self.request("GET", f"contacts/{id}/"))

    def rename(self, contact: int, alias: str) -> Contact:
        """Set what the business calls a customer."""
        changed = self.request("PATCH", f"contacts/{contact}/", json={"alias": alias})
        return cast(Contact, changed)

    def forget(self, contact: int) -> None:
        """Request the erasure of a customer."""
        self.request("DELETE", f"contacts/{contact}/")

    def upload(self, filename: str, content: bytes, mime_type: str) -> Media:
        """Store a file, whose id messages can name."""
        files = {"file": (filename, content, mime_type)}
        return cast(Media, self.request("POST", "media/", files=files))


def _words(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return filters as a query has them: flags in lower case."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in filters.items()
    }


def _error_of(response: httpx.Response) -> ApiError:
    try:
        error = response.json()["error"]
        code, message, field = error["code"], error["message"], error.get("field") or ""
    except (ValueError, KeyError, TypeError):
        code, message, field = "no_json", response.text[:200], ""
    said = response.headers.get("Retry-After", "")
    wait = float(said) if said.isdecimal() else 0.0
    return ApiError(response.status_code, code, message, field, wait)
