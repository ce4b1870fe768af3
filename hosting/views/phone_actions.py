"""Other actions on the simulated phone: location, contact card, reaction, block, failure."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from hosting.forms.phones import CardForm, FailureForm, LocationForm
from hosting.models import Message, Number, SimulatedPhone
from hosting.numbers.phone_access import phone_page
from hosting.transports import sandbox
from hosting.views.phone import (
    CHAT_ROLES,
    EMOJI,
    chat_of,
    message_of_chat,
    screen,
    send,
)

# The form for a new phone on the same page has fields of the same names.
IDS = "sent_%s"


@phone_page
def place(request: BusinessRequest, simulated_phone_id: int, phone_number_id: str) -> HttpResponse:
    """A location to send; POST sends it, as a reply to the message that asked for one."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    asking = request.GET.get("message", "")
    initial = {"message": asking if asking.isdecimal() else None}
    form = LocationForm(request.POST or None, initial=initial, auto_id=IDS)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data["message"]
        context = (
            message_of_chat(request, simulated_phone, number, asked, kind="interactive").wamid
            if asked
            else ""
        )
        send(
            simulated_phone,
            number,
            kind="location",
            content=_location(form.cleaned_data),
            context=context,
        )
        return redirect("phone_chat", simulated_phone.pk, number.phone_number_id)
    return _form(request, "hosting/phone/place.html", simulated_phone, number, form)


def _location(given: dict[str, Any]) -> dict[str, Any]:
    named = {name: given[name] for name in ("name", "address") if given[name]}
    return {"latitude": float(given["latitude"]), "longitude": float(given["longitude"])} | named


@phone_page
def card(request: BusinessRequest, simulated_phone_id: int, phone_number_id: str) -> HttpResponse:
    """A contact card to send; POST sends it."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    form = CardForm(request.POST or None, auto_id=IDS)
    if request.method == "POST" and form.is_valid():
        name, digits = form.cleaned_data["name"], form.cleaned_data["wa_id"]
        phones = [{"phone": f"+{digits}", "wa_id": digits, "type": "CELL"}]
        content = [{"name": {"formatted_name": name, "first_name": name}, "phones": phones}]
        send(simulated_phone, number, kind="contacts", content=content)
        return redirect("phone_chat", simulated_phone.pk, number.phone_number_id)
    return _form(request, "hosting/phone/card.html", simulated_phone, number, form)


def _form(
    request: BusinessRequest,
    template: str,
    simulated_phone: SimulatedPhone,
    number: Number,
    form: LocationForm | CardForm,
) -> HttpResponse:
    context = {"simulated_phone": simulated_phone, "number": number, "sent": form}
    return screen(request, template, context, status=422 if form.errors else 200)


@require_POST
@phone_page
def react(
    request: BusinessRequest, simulated_phone_id: int, phone_number_id: str, message_id: int
) -> HttpResponse:
    """React to a message with an emoji; an empty one removes the reaction."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    message: Message = message_of_chat(request, simulated_phone, number, message_id)
    emoji = request.POST.get("emoji", "")
    if emoji not in ("", *EMOJI):
        raise Http404
    send(
        simulated_phone,
        number,
        kind="reaction",
        content={"message_id": message.wamid, "emoji": emoji},
    )
    return redirect("phone_chat", simulated_phone.pk, number.phone_number_id)


@require_GET
@member_page(*CHAT_ROLES)
def about(request: BusinessRequest, simulated_phone_id: int, phone_number_id: str) -> HttpResponse:
    """Blocking the business, and failure of its next message."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    return _about(
        request, simulated_phone, number, FailureForm(initial={"code": simulated_phone.fails_with})
    )


def _about(
    request: BusinessRequest, simulated_phone: SimulatedPhone, number: Number, form: FailureForm
) -> HttpResponse:
    blocked = sandbox.has_blocked(simulated_phone=simulated_phone, number=number)
    context = {
        "simulated_phone": simulated_phone,
        "number": number,
        "failure": form,
        "blocked": blocked,
    }
    return screen(request, "hosting/phone/about.html", context, status=422 if form.errors else 200)


@require_POST
@member_page(*CHAT_ROLES)
def block(request: BusinessRequest, simulated_phone_id: int, phone_number_id: str) -> HttpResponse:
    """Block or unblock the business."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    sandbox.set_blocked(
        simulated_phone=simulated_phone, number=number, blocked=request.POST.get("blocked") == "1"
    )
    return redirect("phone_chat", simulated_phone.pk, number.phone_number_id)


@require_POST
@member_page(*CHAT_ROLES)
def fail(request: BusinessRequest, simulated_phone_id: int, phone_number_id: str) -> HttpResponse:
    """Let the next message to this phone fail with `code`; empty for none."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    form = FailureForm(request.POST)
    if not form.is_valid():
        return _about(request, simulated_phone, number, form)
    sandbox.fail_next(simulated_phone=simulated_phone, code=form.cleaned_data["code"])
    return redirect("phone_chat", simulated_phone.pk, number.phone_number_id)
