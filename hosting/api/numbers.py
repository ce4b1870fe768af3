"""Edges of a number: profile, commerce settings, block list, chat links, registration, history."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import segno
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.models import KeyScope
from core import links
from hosting.api.bodies import request_body
from hosting.api.keys import authenticated, cloud_api
from hosting.api.nodes import page
from hosting.api.responses import answer
from hosting.cloudapi import sends
from hosting.cloudapi.fieldlists import parse_fields
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.errors import CloudApiError
from hosting.media import store
from hosting.messages import rate_limits
from hosting.models import Block, ChatLink, Message, Number
from hosting.numbers import profile as numbers_profile

Edge = Callable[..., Any]


def number_edge(
    *methods: str, scope: KeyScope = KeyScope.MESSAGES
) -> Callable[[Edge], Callable[..., HttpResponse]]:
    """Decorate a view of one of the caller's numbers, for keys with that scope.

    It gets the row, and returns JSON or a response.
    """

    def decorate(view: Edge) -> Callable[..., HttpResponse]:
        @cloud_api(*methods)
        def wrapped(request: HttpRequest, phone_number_id: str, **more: str) -> HttpResponse:
            with authenticated(request, phone_number_id) as caller:
                caller.require(scope)
                named = caller.require_number(phone_number_id)
                number = Number.objects.select_related("account").get(pk=named.pk)
                number.business = caller.business
                found = view(request, number, **more)
                return found if isinstance(found, HttpResponse) else answer(found)

        return wrapped

    return decorate


def given_in(request: HttpRequest) -> dict[str, Any]:
    """Return the members of a write, from query, form or JSON body, as clients use any."""
    return as_dict(request_body(request)) if request.body or request.GET else {}


SUCCESS = {"success": True}


@number_edge("GET", "POST")
def profile(request: HttpRequest, number: Number) -> Any:
    """`whatsapp_business_profile`."""
    if request.method == "POST":
        numbers_profile.change_profile(number, given_in(request))
        return SUCCESS
    shown = numbers_profile.profile_of(number) | {"profile_picture_url": _picture_url(number)}
    shown.pop("profile_picture_handle", None)
    asked = {name.strip() for name in request.GET.get("fields", "").split(",") if name.strip()}
    if asked:
        shown = {
            key: value for key, value in shown.items() if key in asked or key == "messaging_product"
        }
    # Stock clients read the members directly, Meta's documentation wraps them: both are included.
    return {"data": [shown | {"business_profile": shown}]}


def _picture_url(number: Number) -> str:
    """Return the profile picture's signed URL; "" without one."""
    media_id = str(number.profile.get("profile_picture_handle", "")).rpartition("::")[2]
    found = store.media_of(business_id=number.business_id, media_ids=[media_id]).get(media_id)
    return store.signed_url(found) if found else ""


@number_edge("GET", "POST")
def commerce(request: HttpRequest, number: Number) -> Any:
    """`whatsapp_commerce_settings`."""
    if request.method == "GET":
        flags = {name: getattr(number, name) for name in numbers_profile.COMMERCE_FLAGS}
        return {"data": [{"id": number.phone_number_id} | flags]}
    numbers_profile.change_commerce(number, given_in(request))
    return SUCCESS


@number_edge("GET", "POST", "DELETE")
def block_users(request: HttpRequest, number: Number) -> Any:
    """`block_users`: list, block, unblock."""
    if request.method == "GET":
        rows = Block.objects.filter(number=number).order_by("id")
        return page(
            request, rows, lambda row: {"messaging_product": "whatsapp", "wa_id": row.wa_id}
        )
    users = [
        as_text(as_dict(user).get("user")) for user in as_list(given_in(request).get("block_users"))
    ]
    if not users or len(users) > 1000:
        raise CloudApiError(100, "block_users must hold 1 to 1,000 users.", field="block_users")
    wa_ids = [sends.digits_of(user, field="block_users.user") for user in users]
    if request.method == "POST":
        numbers_profile.block_customers(number, wa_ids)
    else:
        Block.objects.filter(number=number, wa_id__in=wa_ids).delete()
    done = [{"input": user, "wa_id": wa_id} for user, wa_id in zip(users, wa_ids, strict=True)]
    name = "added_users" if request.method == "POST" else "removed_users"
    return {"messaging_product": "whatsapp", "block_users": {name: done}}


def _link_object(link: ChatLink, form: str = "") -> dict[str, str]:
    shown = {
        "code": link.code,
        "prefilled_message": link.prefilled_message,
        "deep_link_url": link.url,
    }
    return shown | ({"qr_image_url": links.absolute(f"/qr/{link.code}.{form}")} if form else {})


def _qr_form(asked: str) -> str:
    """Return `svg` or `png`; "" when no picture is requested."""
    if asked and asked.lower() not in ("svg", "png"):
        raise CloudApiError(100, "generate_qr_image must be SVG or PNG.", field="generate_qr_image")
    return asked.lower()


def _listed_form(request: HttpRequest) -> str:
    """Return the picture format requested among `fields`: `qr_image_url.format(SVG)`."""
    asked = next(
        (one for one in parse_fields(request.GET.get("fields", "")) if one.name == "qr_image_url"),
        None,
    )
    return _qr_form("".join(asked.parameters.get("format", ("SVG",)))) if asked else ""


@require_http_methods(["GET", "HEAD"])
def qr_image(request: HttpRequest, code: str, form: str) -> HttpResponse:
    """The QR code of a chat link; public, so it needs no key."""
    held = BytesIO()
    segno.make(ChatLink(code=code).url, error="m").save(held, kind=form, scale=8, border=4)
    kind = {"svg": "image/svg+xml", "png": "image/png"}[form]
    headers = {
        "Cache-Control": "public, max-age=86400",
        "Content-Security-Policy": "default-src 'none'",
    }
    return HttpResponse(held.getvalue(), content_type=kind, headers=headers)


@number_edge("GET", "POST")
def chat_links(request: HttpRequest, number: Number) -> Any:
    """`message_qrdls`: list, create, change (with `code`)."""
    if request.method == "GET":
        rows = ChatLink.objects.filter(number=number)
        if code := request.GET.get("code"):
            rows = rows.filter(code=code)
        form = _listed_form(request)
        return page(request, rows.order_by("id"), lambda link: _link_object(link, form))
    given = given_in(request)
    form = _qr_form(as_text(given.get("generate_qr_image")))
    saved = numbers_profile.save_link(
        number, as_text(given.get("prefilled_message")), as_text(given.get("code"))
    )
    return _link_object(saved, form)


@number_edge("GET", "DELETE")
def chat_link(request: HttpRequest, number: Number, code: str) -> Any:
    """`message_qrdls/{code}`."""
    rows = ChatLink.objects.filter(number=number, code=code)
    if request.method == "GET":
        form = _listed_form(request)
        return {"data": [_link_object(link, form) for link in rows]}
    if not rows.delete()[0]:
        raise CloudApiError(803, f"There is no link '{code[:14]}'.")
    return SUCCESS


@number_edge("POST", scope=KeyScope.ADMIN)
def register(request: HttpRequest, number: Number) -> Any:
    """`register` with a pin of six digits."""
    pin = as_text(given_in(request).get("pin"))
    if not re.fullmatch(r"[0-9]{6}", pin):
        raise CloudApiError(100, "pin must be 6 digits.", field="pin")
    if not number.is_verified:
        raise CloudApiError(133006, "Verify the number first: request_code, then verify_code.")
    rate_limits.check_registration_rate(number)
    if number.pin and number.pin != pin:
        raise CloudApiError(133005, "The pin is not the one set for this number.", field="pin")
    numbers_profile.set_registered(number, True, pin=pin)
    return SUCCESS


@number_edge("POST", scope=KeyScope.ADMIN)
def deregister(request: HttpRequest, number: Number) -> Any:
    """`deregister`: nothing is sent by this number until it is registered again."""
    rate_limits.check_registration_rate(number)
    numbers_profile.set_registered(number, False)
    return SUCCESS


@number_edge("POST", scope=KeyScope.ADMIN)
def request_code(request: HttpRequest, number: Number) -> Any:
    """`request_code?code_method=SMS|VOICE&language=…`."""
    given = given_in(request)
    if as_text(given.get("code_method")).upper() not in ("SMS", "VOICE"):
        raise CloudApiError(100, "code_method must be SMS or VOICE.", field="code_method")
    if not as_text(given.get("language")):
        raise CloudApiError(131008, "language is required.", field="language")
    return SUCCESS


@number_edge("POST", scope=KeyScope.ADMIN)
def verify_code(request: HttpRequest, number: Number) -> Any:
    """`verify_code?code=…`: the sandbox's code is the last six digits of the number."""
    code = re.sub(r"[\s-]", "", as_text(given_in(request).get("code")))
    if code != number.digits[-6:]:
        raise CloudApiError(
            136025,
            "The code is wrong. The sandbox's is the number's last six digits.",
            field="code",
        )
    Number.objects.filter(pk=number.pk).update(is_verified=True)
    return SUCCESS


@number_edge("GET")
def message_history(request: HttpRequest, number: Number) -> Any:
    """`message_history?message_id=wamid…`: the times of each status."""
    rows = Message.objects.filter(number=number, direction="out")
    if wamid := request.GET.get("message_id"):
        rows = rows.filter(wamid=wamid)
    return page(request, rows.order_by("id"), _history_object)


def _history_object(message: Message) -> dict[str, Any]:
    moments = [
        (name.upper(), at)
        for name, at in (
            ("accepted", message.created_at),
            ("sent", message.sent_at),
            ("delivered", message.delivered_at),
            ("read", message.read_at),
            ("failed", message.failed_at),
        )
        if at
    ]
    events = [
        {
            "id": f"{message.pk}-{name.lower()}",
            "delivery_status": name,
            "occurrence_timestamp": int(at.timestamp()),
        }
        for name, at in sorted(moments, key=lambda moment: moment[1])
    ]
    if message.error_reason:
        events[-1]["error_description"] = message.error_reason
    return {"id": str(message.pk), "message_id": message.wamid, "events": {"data": events}}


@cloud_api("GET")
def history_events(request: HttpRequest, history_id: str) -> HttpResponse:
    """`{message_history_id}/events`: the times of one message's statuses."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        rows = Message.objects.filter(
            business=caller.business, direction="out", number__in=caller.numbers()
        )
        message = rows.filter(pk=history_id).first() if len(history_id) < 19 else None
        if message is None:
            raise CloudApiError(
                803, f"Object with ID '{history_id}' does not exist, or is not yours."
            )
        events = _history_object(message)["events"]["data"]
        return answer({"data": [{"cursor": one["id"], "node": one} for one in events]})
