"""`POST /{phone_number_id}/messages`: two round trips for a usual message."""

from django.http import HttpRequest, HttpResponse

from accounts.models import ApiKey, KeyScope
from core.wake import notify
from hosting import tasks
from hosting.api.bodies import request_body
from hosting.api.keys import Caller, authenticated, cloud_api
from hosting.api.responses import answer
from hosting.cloudapi import sends
from hosting.cloudapi.json import as_dict, as_text
from hosting.cloudapi.number_forms import one_form
from hosting.errors import CloudApiError
from hosting.messages import idempotency, rate_limits, rejections, send
from hosting.messages.read_receipts import mark_message_read
from hosting.messages.usual_sends import send_usual
from hosting.models import Message, Transport

# The name of the route that is not in the audit log.
USUAL = "cloudapi_messages"


@cloud_api("POST")
def messages(request: HttpRequest, phone_number_id: str = "") -> HttpResponse:
    """Send a message, or mark an inbound one as read."""
    if usual := _usual(request, phone_number_id):
        return usual
    asked: list[tuple[Caller, sends.SendRequest]] = []
    try:
        return _messages(request, phone_number_id, asked)
    except CloudApiError as error:
        for caller, wanted in asked:
            assert caller.number is not None
            rejections.record_rejection(
                business=caller.business, number=caller.number, wanted=wanted, error=error
            )
        raise


@cloud_api("POST")
def marketing_messages(request: HttpRequest, phone_number_id: str) -> HttpResponse:
    """Send a template by the edge for marketing; it is sent as by the edge `messages`."""
    with authenticated(request, phone_number_id, is_rate_limited=False) as caller:
        caller.require(KeyScope.MESSAGES)
        caller.require_number(phone_number_id)
    body = as_dict(request_body(request))
    if as_text(body.get("type")).lower() != "template":
        raise CloudApiError(100, "type must be template.", field="type")
    return messages(request, phone_number_id)


def _usual(request: HttpRequest, phone_number_id: str) -> HttpResponse | None:
    """Send a usual message; None where it is not one, and nothing was done."""
    match = request.resolver_match
    sent = ApiKey.read_bearer(request.headers.get("Authorization", ""))
    if (
        sent is None
        or "Idempotency-Key" in request.headers
        or match is None
        or match.url_name != USUAL
    ):
        return None
    try:
        wanted = sends.parse(request_body(request))
    except CloudApiError:
        return None
    if isinstance(wanted, sends.ReadRequest):
        return None
    wamid = send_usual(key=sent, phone_number_id=phone_number_id, wanted=wanted)
    if wamid is None:
        return None
    request.api_key = sent.shown  # type: ignore[attr-defined]
    notify(tasks.deliver)
    return _accepted({"input": wanted.input, "wa_id": one_form(wanted.to)}, wamid)


def _messages(
    request: HttpRequest, phone_number_id: str, asked: list[tuple[Caller, sends.SendRequest]]
) -> HttpResponse:
    """Answer in one transaction.

    `asked` receives the request, so that a rejection can be stored after it.
    """
    with authenticated(request, phone_number_id, is_rate_limited=False) as caller:
        caller.require(KeyScope.MESSAGES)
        number = caller.require_number(phone_number_id)
        wanted = sends.parse(request_body(request))
        if isinstance(wanted, sends.ReadRequest):
            rate_limits.check_key_rate(key_id=caller.key_id, business=caller.business)
            mark_message_read(
                business=caller.business, number=number, wamid=wanted.wamid, is_typing=wanted.typing
            )
            if number.transport == Transport.CLOUDAPI:
                notify(tasks.deliver)
            return answer({"success": True})
        asked.append((caller, wanted))
        return _send_once(request, caller, wanted)


def _send_once(request: HttpRequest, caller: Caller, wanted: sends.SendRequest) -> HttpResponse:
    """Send; a request that repeats an Idempotency-Key gets the first reply again."""
    key, business_id = request.headers.get("Idempotency-Key", ""), caller.business.pk
    if not key:
        return _send(caller, wanted)
    fingerprint = idempotency.fingerprint_of(request.path, request.body)
    before = idempotency.claim(business_id=business_id, key=key, fingerprint=fingerprint)
    if before is not None:
        return HttpResponse(
            before, content_type="application/json", headers={"Idempotent-Replayed": "true"}
        )
    response = _send(caller, wanted)
    idempotency.store_reply(business_id=business_id, key=key, body=response.content)
    return response


def _send(caller: Caller, wanted: sends.SendRequest) -> HttpResponse:
    assert caller.number is not None
    rate_limits.check_message_rate(
        number=caller.number, to=wanted.to or wanted.user_id, key_id=caller.key_id
    )
    message = send.send_message(
        business=caller.business,
        number=caller.number,
        to=wanted.to,
        user_id=wanted.user_id,
        kind=wanted.kind,
        content=wanted.content,
        context_wamid=wanted.context_wamid,
        tracker=wanted.tracker,
    )
    notify(tasks.fetch_links if message.has_links else tasks.deliver)
    return _accepted(contact_of(wanted, message), message.wamid)


def _accepted(contact: dict[str, str], wamid: str) -> HttpResponse:
    return answer(
        {
            "messaging_product": "whatsapp",
            "contacts": [contact],
            "messages": [{"id": wamid, "message_status": "accepted"}],
        }
    )


def contact_of(wanted: sends.SendRequest, message: Message) -> dict[str, str]:
    """Return the `contacts` element of the answer: the input, and the customer it names."""
    found = {"input": wanted.input, "wa_id": message.conversation.contact.wa_id}
    return found | ({"user_id": wanted.user_id} if wanted.user_id else {})
