"""A flow that runs on the simulated phone, and the preview of one."""

from datetime import timedelta
from typing import Any

import orjson
from django.core import signing
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import BusinessRequest
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.flows import answers
from hosting.flows import run as flow_run
from hosting.flows.previews import previewed
from hosting.flows.references import opened_by
from hosting.flows.run import Run
from hosting.flows.screens import FILES, Screen, draw, examples
from hosting.media.store import store_media
from hosting.models import Direction, Message, Number, SimulatedPhone
from hosting.numbers.phone_access import phone_page
from hosting.views.phone import chat_of, message_of_chat, screen, send

# How long a phone remembers that a flow cannot be opened again.
CLOSED = timedelta(days=30)
SALT = "hosting.phone_flows"
STATE_SECONDS = 24 * 60 * 60
MAX_FILES = 10


@phone_page
def flow(
    request: BusinessRequest, simulated_phone_id: int, phone_number_id: str, message_id: int
) -> HttpResponse:
    """Open the flow of a message (GET), or go on with it (POST, with the signed state)."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    message = message_of_chat(
        request, simulated_phone, number, message_id,
        direction=Direction.OUT, kind__in=("interactive", "template"),
    )  # fmt: skip
    button = request.GET.get("button", "")
    found, parameters = opened_by(message, button)
    if found is None:
        raise Http404
    errors: dict[str, str] = {}
    if words := _closed_words(simulated_phone, message):
        run = Run(found, number, "", failure=words)
    elif request.method == "POST" and (kept := _kept_state(request, message)):
        run = Run(found, number, kept["token"], kept["frames"])
        errors = _go_on(request, run)
    else:
        run = flow_run.start(found, number, parameters)
    if run.is_closed:
        cache.set(_closed_key(simulated_phone, message), run.failure, CLOSED.total_seconds())
    if run.response is not None:
        return _complete(request, simulated_phone, number, message, run.response)
    return _shown(request, simulated_phone, number, message, run, errors)


def _closed_key(simulated_phone: SimulatedPhone, message: Message) -> str:
    return f"flow_closed_{simulated_phone.pk}_{message.pk}"


def _closed_words(simulated_phone: SimulatedPhone, message: Message) -> str:
    return str(cache.get(_closed_key(simulated_phone, message)) or "")


def _kept_state(request: BusinessRequest, message: Message) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = signing.loads(
            request.POST.get("state", ""), salt=f"{SALT}.{message.pk}", max_age=STATE_SECONDS
        )
    except signing.BadSignature:
        return None
    return state


def _go_on(request: BusinessRequest, run: Run) -> dict[str, str]:
    """Take in what was filled in, and do what was pressed; return what is wrong with the values."""
    if request.POST.get("press") == "back":
        flow_run.back(run)
        return {}
    before = run.screen
    values = before.names["form"] | answers.typed(before, request.POST)
    values |= _files(request, before)
    run.frames[-1]["form"] = values
    if request.headers.get("HX-Request"):
        flow_run.choose(run, before.names["form"])
        return {}
    pressed = request.POST.get("press", "")
    errors = answers.problems(run.screen, values) if _is_checked(run.screen, pressed) else {}
    if not errors:
        flow_run.press(run, pressed)
    return errors


def _is_checked(screen: Screen, pressed: str) -> bool:
    """Whether it is the screen's own button, which asks for everything; links beside it do not."""
    return any(part.path == pressed and part.kind == "Footer" for part in screen.parts)


def _files(request: BusinessRequest, screen: Screen) -> dict[str, Any]:
    """Store the files of pickers; return them as the Cloud API names them."""
    return {
        part.name: [_stored(request, file) for file in given[:MAX_FILES]]
        for part in screen.inputs
        if part.kind in FILES and (given := request.FILES.getlist(answers.PREFIX + part.name))
    }


def _stored(request: BusinessRequest, file: Any) -> dict[str, str]:
    media = store_media(
        business=request.business, content=file, mime_type=file.content_type or "",
        filename=file.name or "", from_customer=True,
    )  # fmt: skip
    return {
        "file_name": media.filename,
        "mime_type": media.mime_type,
        "sha256": media.sha256,
        "id": media.media_id,
    }


def _complete(
    request: BusinessRequest,
    simulated_phone: SimulatedPhone,
    number: Number,
    message: Message,
    response: dict[str, Any],
) -> HttpResponse:
    reply = {
        "name": "flow",
        "body": "Sent",
        "response_json": orjson.dumps(response).decode(),
    }
    content: dict[str, Any] = {"type": "nfm_reply", "nfm_reply": reply}
    send(simulated_phone, number, kind="interactive", content=content, context=message.wamid)
    address = reverse("phone_chat", args=[simulated_phone.pk, number.phone_number_id])
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(address)
    return redirect(address)


def _shown(
    request: BusinessRequest,
    simulated_phone: SimulatedPhone,
    number: Number,
    message: Message,
    run: Run,
    errors: dict[str, str],
) -> HttpResponse:
    open_screen = None if run.failure else run.screen
    for part in open_screen.parts if open_screen else []:
        part.error = errors.get(part.name) or part.error
    context = {
        "simulated_phone": simulated_phone,
        "number": number,
        "message": message,
        "button": request.GET.get("button", ""),
        "run": run,
        "drawn": open_screen,
        "state": signing.dumps(run.state, salt=f"{SALT}.{message.pk}", compress=True),
        "flow_prefix": answers.PREFIX,
    }
    if request.headers.get("HX-Request"):
        return render(request, "hosting/phone/_flow.html", context)
    status = 422 if errors else 200
    return screen(request, "hosting/phone/flow.html", context, status=status)


@require_GET
def preview(request: HttpRequest, token: str) -> HttpResponse:
    """All screens of a flow with its example data, for whoever has the signed link."""
    found = previewed(token)
    if found is None:
        raise Http404
    document = found.document
    frames = [
        {"screen": as_text(one.get("id")), "data": examples(one), "form": {}}
        for one in map(as_dict, as_list(document.get("screens")))
    ]
    drawn = [draw(document, [frame]) for frame in frames]
    context = {"flow": found, "screens": drawn, "flow_prefix": answers.PREFIX, "preview": True}
    return render(request, "hosting/phone/flow_preview.html", context)
